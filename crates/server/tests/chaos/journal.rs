//! What happened: faults, answers, and what must not be.

use std::collections::BTreeMap;
use std::io;
use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

/// A cure has done its work after so long.
pub const RECOVERY: Duration = Duration::from_secs(5);

/// A fault, and the nodes that cannot do everything because of it.
#[derive(Clone, Debug)]
pub struct Outage {
    what: &'static str,
    nodes: Vec<usize>,
    from: Instant,
    cured: Option<Instant>,
    recovered: Option<Duration>,
}

/// A request that its caller has to repeat.
#[derive(Clone, Debug)]
struct Trouble {
    node: usize,
    what: String,
    asked: Instant,
    given_up: Instant,
}

pub struct Journal {
    began: Instant,
    outages: Mutex<Vec<Outage>>,
    troubles: Mutex<Vec<Trouble>>,
    counts: Mutex<BTreeMap<String, usize>>,
    wrongs: Mutex<Vec<String>>,
}

/// An outage that goes on.
#[derive(Clone, Copy)]
pub struct Ongoing(usize);

impl Journal {
    pub fn new() -> Self {
        Self {
            began: Instant::now(),
            outages: Mutex::default(),
            troubles: Mutex::default(),
            counts: Mutex::default(),
            wrongs: Mutex::default(),
        }
    }

    /// How long it has been going on.
    pub fn age(&self) -> Duration {
        self.began.elapsed()
    }

    pub fn count(&self, what: impl Into<String>) {
        *self.counts.lock().unwrap().entry(what.into()).or_default() += 1;
    }

    pub fn counted(&self, what: &str) -> usize {
        let counts = self.counts.lock().unwrap();
        counts.get(what).copied().unwrap_or_default()
    }

    /// Something that must never be.
    pub fn wrong(&self, what: impl Into<String>) {
        let at = self.age().as_secs_f64();
        self.wrongs
            .lock()
            .unwrap()
            .push(format!("after {at:.1} s: {}", what.into()));
    }

    /// A request to a node has to be repeated: it was answered so, or not at all.
    pub fn trouble(&self, node: usize, what: String, asked: Instant) {
        self.troubles.lock().unwrap().push(Trouble {
            node,
            what,
            asked,
            given_up: Instant::now(),
        });
    }

    /// Called before the fault.
    pub fn outage(&self, what: &'static str, nodes: &[usize]) -> Ongoing {
        let mut outages = self.outages.lock().unwrap();
        outages.push(Outage {
            what,
            nodes: nodes.to_vec(),
            from: Instant::now(),
            cured: None,
            recovered: None,
        });
        Ongoing(outages.len() - 1)
    }

    /// Called when there is nothing in the way any more.
    pub fn cured(&self, Ongoing(number): Ongoing) {
        self.outages.lock().unwrap()[number].cured = Some(Instant::now());
    }

    /// Called when all nodes do everything again.
    pub fn recovered(&self, Ongoing(number): Ongoing) {
        let mut outages = self.outages.lock().unwrap();
        let took = outages[number].cured.unwrap().elapsed();
        outages[number].recovered = Some(took);
        if took > RECOVERY {
            let what = outages[number].what;
            drop(outages);
            self.wrong(format!("{what}: the recovery took {took:?}"));
        }
    }

    /// Whether some outage is a node's excuse for what it did not do in between.
    pub fn is_excused(&self, node: usize, from: Instant, to: Instant) -> bool {
        let outages = self.outages.lock().unwrap();
        outages.iter().any(|outage| {
            let is_over = |cured: Instant| cured + RECOVERY < from;
            outage.nodes.contains(&node) && outage.from <= to && !outage.cured.is_some_and(is_over)
        })
    }

    /// Everything that must not be. Troubles outside of outages are.
    pub fn wrongs(&self) -> Vec<String> {
        let troubles = self.troubles.lock().unwrap();
        let unexcused = troubles
            .iter()
            .filter(|it| !self.is_excused(it.node, it.asked, it.given_up));
        let unexcused = unexcused.map(|it| {
            let asked = (it.asked - self.began).as_secs_f64();
            let took = it.given_up - it.asked;
            format!(
                "after {asked:.1} s: node {} had no excuse for this: {} (within {took:?})",
                it.node, it.what
            )
        });
        let mut wrongs = self.wrongs.lock().unwrap().clone();
        wrongs.extend(unexcused);
        wrongs
    }

    /// The figures.
    pub fn print(&self) {
        println!("  each fault, how often, and the longest recovery from it:");
        let mut faults: BTreeMap<&str, (usize, Duration)> = BTreeMap::new();
        for outage in self.outages.lock().unwrap().iter() {
            let (times, longest) = faults.entry(outage.what).or_default();
            *times += 1;
            *longest = (*longest).max(outage.recovered.unwrap_or(Duration::MAX));
        }
        for (what, (times, longest)) in faults {
            println!("    {what}: {times}, {} ms", longest.as_millis());
        }
        println!("  answers:");
        for (what, times) in self.counts.lock().unwrap().iter() {
            println!("    {what}: {times}");
        }
        let troubles = self.troubles.lock().unwrap();
        let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
        for trouble in troubles.iter() {
            *kinds.entry(&trouble.what).or_default() += 1;
        }
        println!("  requests that had to be repeated:");
        for (what, times) in kinds {
            println!("    {what}: {times}");
        }
    }
}

/// Why there was no answer.
pub fn why(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::TimedOut => "no answer in time".to_owned(),
        io::ErrorKind::ConnectionRefused => "nobody there".to_owned(),
        _ => "broken off".to_owned(),
    }
}
