//! One run: what the owner's tabs, the network, the thief and the crashes do, and what must hold of it.

mod thief;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use super::Chance;
use super::server::{Row, Server, Token};
use thief::Thief;

/// How long a client waits for an answer, and the interval that follows from it (milliseconds).
const TIMEOUT: u64 = 8_000;
const INTERVAL: u64 = 20_000;
const TABS: usize = 3;
const HOME: u32 = 1;

/// What happens in a run besides an ordinary life with crashes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Story {
    /// Nothing else: 15 % of the answers are lost.
    Alone,
    /// 90 % of the answers are lost.
    BadNetwork,
    /// The owner changes the password now and then.
    ChangesPassword,
    /// The server is once restored from a backup.
    RolledBack,
    /// Somebody copies the cookie.
    Thief,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ended {
    StillSignedIn,
    /// Six answers in a row were lost.
    SixLost,
    /// The answer to a change of password was lost.
    LostAtChange,
    /// The store had lost writes.
    Ahead,
    /// The thief was found: the session ended with the alarm.
    ThiefFound,
    /// The session ended as if answers had been lost, and the thief with it.
    ThiefShutOut,
    /// The thief never presented anything later than an interval after the owner.
    ThiefKeptPace,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    TabWakes(usize),
    Arrives(usize),
    Answers(usize),
    GivesUp(usize),
    ChangesPassword,
    Crashes,
    Steals,
    ThiefActs,
}

/// A request of a tab, from the moment when it is sent.
struct Request {
    tab: usize,
    token: Token,
    sent: u64,
    boot: u32,
    answer: Option<(Row, Option<Token>)>,
    done: bool,
}

pub struct Run<'s> {
    server: &'s mut Server,
    chance: Chance,
    story: Story,
    now: u64,
    queue: BinaryHeap<Reverse<(u64, u64, Event)>>,
    scheduled: u64,
    requests: Vec<Request>,
    busy: [bool; TABS],
    jar: Token,
    boot: u32,
    thief: Option<Thief>,
    /// When the owner last spent a token.
    spent: HashMap<Token, u64>,
    /// Answers with a token that did not reach the jar since the last that did.
    lost_in_a_row: u32,
    change_was_lost: bool,
    rolled_back: bool,
    backed_up: bool,
    /// How often the thief has acted since presenting something later than an interval after the owner had spent it,
    /// that time included.
    late_acts: u32,
}

impl<'s> Run<'s> {
    pub fn new(server: &'s mut Server, seed: u64, story: Story) -> Self {
        let jar = server.sign_in(0);
        let mut run = Self {
            server,
            chance: Chance::new(seed),
            story,
            now: 0,
            queue: BinaryHeap::new(),
            scheduled: 0,
            requests: Vec::new(),
            busy: [false; TABS],
            jar,
            boot: 0,
            thief: None,
            spent: HashMap::new(),
            lost_in_a_row: 0,
            change_was_lost: false,
            rolled_back: false,
            backed_up: false,
            late_acts: 0,
        };
        for tab in 0..TABS {
            run.wake_later(tab);
        }
        if run.chance.percent(25) || story == Story::RolledBack {
            run.crash_later();
        }
        match story {
            Story::ChangesPassword => run.change_later(),
            Story::Thief => {
                let after = run.chance.between(1, 600_000);
                run.at(after, Event::Steals);
            }
            Story::Alone | Story::BadNetwork | Story::RolledBack => {}
        }
        run
    }

    /// Lives through it. Panics if somebody is signed out who must not be, or a thief stays who must be found.
    pub fn live(mut self) -> Ended {
        while self.requests.len() < 60 || (1..50).contains(&self.late_acts) {
            let Some(Reverse((time, _, event))) = self.queue.pop() else {
                break;
            };
            self.now = time;
            if let Some(ended) = self.happens(event) {
                return ended;
            }
        }
        assert_eq!(self.late_acts, 0, "a thief stayed unnoticed");
        match self.story {
            Story::Thief => Ended::ThiefKeptPace,
            _ => Ended::StillSignedIn,
        }
    }

    fn happens(&mut self, event: Event) -> Option<Ended> {
        match event {
            Event::TabWakes(tab) => self.send(tab),
            Event::Arrives(request) => return self.arrive(request),
            Event::Answers(request) => return self.answer(request),
            Event::GivesUp(request) => self.give_up(request),
            Event::ChangesPassword => self.change_password(),
            Event::Crashes => self.crash(),
            Event::Steals => self.steal(),
            Event::ThiefActs => return self.thief_acts(),
        }
        None
    }

    fn at(&mut self, after: u64, event: Event) {
        self.scheduled += 1;
        let entry = (self.now + after, self.scheduled, event);
        self.queue.push(Reverse(entry));
    }

    fn pause(&mut self) -> u64 {
        match self.chance.between(0, 10) {
            0..3 => self.chance.between(0, 10_000),
            3..6 => self.chance.between(10_000, 60_000),
            6..9 => self.chance.between(200_000, 300_000),
            _ => self.chance.between(600_000, 36_000_000),
        }
    }

    fn delay(&mut self) -> u64 {
        if self.chance.percent(70) {
            self.chance.between(1, 300)
        } else {
            self.chance.between(1, TIMEOUT)
        }
    }

    fn is_lost(&mut self) -> bool {
        let percent = if self.story == Story::BadNetwork {
            90
        } else {
            15
        };
        self.chance.percent(percent)
    }

    fn wake_later(&mut self, tab: usize) {
        let pause = self.pause();
        self.at(pause, Event::TabWakes(tab));
        if self.chance.percent(30) {
            // The lid is opened: another tab wakes with it.
            let soon = pause + self.chance.between(0, 3_000);
            self.at(soon, Event::TabWakes((tab + 1) % TABS));
        }
    }

    fn send(&mut self, tab: usize) {
        if self.busy[tab] {
            return;
        }
        self.busy[tab] = true;
        let request = self.requests.len();
        self.requests.push(Request {
            tab,
            token: self.jar,
            sent: self.now,
            boot: self.boot,
            answer: None,
            done: false,
        });
        let delay = self.delay();
        self.at(delay, Event::Arrives(request));
        self.at(TIMEOUT, Event::GivesUp(request));
    }

    fn arrive(&mut self, number: usize) -> Option<Ended> {
        let Request {
            token, sent, boot, ..
        } = self.requests[number];
        if boot != self.boot {
            return None; // The server that it was sent to is no more.
        }
        let (row, next) = self.server.present(token, self.now, HOME);
        if matches!(row, Row::Rotated | Row::Retried | Row::Recovered) {
            self.spent.insert(token, self.now);
        }
        if let Some(ended) = self.owner_met(row) {
            return Some(ended);
        }
        if next.is_some() {
            self.lost_in_a_row += 1; // until it has arrived
        }
        self.requests[number].answer = Some((row, next));
        let delay = self.delay();
        let in_time = self.now + delay < sent + TIMEOUT;
        if in_time && !self.is_lost() {
            self.at(delay, Event::Answers(number));
        }
        None
    }

    /// What the owner may meet, and what not.
    fn owner_met(&self, row: Row) -> Option<Ended> {
        let thief = self.thief.is_some();
        match row {
            Row::Rotated | Row::Held | Row::Retried | Row::Recovered | Row::TooManyRetries => None,
            // Whether that signs anybody out depends on what the jar holds when the answer comes.
            Row::Superseded if self.story == Story::ChangesPassword => None,
            Row::Reused if thief => Some(Ended::ThiefFound),
            Row::Expired if thief => Some(Ended::ThiefShutOut),
            Row::Expired if self.lost_in_a_row >= 6 => Some(Ended::SixLost),
            Row::Ahead if self.rolled_back => Some(Ended::Ahead),
            row => panic!("the owner met {row:?}"),
        }
    }

    fn answer(&mut self, number: usize) -> Option<Ended> {
        let Request {
            tab,
            token,
            boot,
            answer,
            done,
            ..
        } = self.requests[number];
        if boot != self.boot || done {
            return None;
        }
        self.requests[number].done = true;
        self.busy[tab] = false;
        match answer {
            Some((_, Some(next))) => self.receive(next),
            Some((Row::Superseded, None)) if token.grant == self.jar.grant => {
                assert!(self.change_was_lost, "signed out by a race");
                return Some(Ended::LostAtChange);
            }
            _ => {}
        }
        self.wake_later(tab);
        None
    }

    fn receive(&mut self, next: Token) {
        if next.grant < self.jar.grant {
            return; // The page that changed the password sees to it that this does not undo it.
        }
        if next.grant == self.jar.grant && next.generation < self.jar.generation {
            // Held by one tab, rotated by another, and the answers change places: the newer one is as good as lost.
            // It cannot have been used yet, so the older one is still `prev`.
            assert_eq!(next.generation + 1, self.jar.generation);
            self.lost_in_a_row += 1;
        } else {
            self.lost_in_a_row = 0;
        }
        self.jar = next;
    }

    fn give_up(&mut self, number: usize) {
        if self.requests[number].done {
            return;
        }
        self.requests[number].done = true;
        let tab = self.requests[number].tab;
        self.busy[tab] = false;
        if self.chance.percent(50) {
            let soon = self.chance.between(100, 5_000);
            self.at(soon, Event::TabWakes(tab));
        } else {
            self.wake_later(tab);
        }
    }

    fn change_later(&mut self) {
        let after = self.chance.between(30_000, 1_200_000);
        self.at(after, Event::ChangesPassword);
    }

    /// The page that does it waits for its answer, so nothing else of it is on the way; other tabs may be.
    fn change_password(&mut self) {
        let Some(next) = self.server.change_password(self.now) else {
            panic!("the session is over");
        };
        if self.is_lost() {
            self.change_was_lost = true;
        } else {
            self.jar = next;
            self.lost_in_a_row = 0;
            self.change_later();
        }
    }

    fn crash_later(&mut self) {
        let after = self.chance.between(1, 1_200_000);
        self.at(after, Event::Crashes);
    }

    /// Every answer on its way is lost, and so is every request that has not been served.
    fn crash(&mut self) {
        self.boot += 1;
        if self.boot < 3 {
            self.crash_later();
        }
        if self.story != Story::RolledBack {
            self.server.restart();
        } else if self.backed_up {
            self.server.roll_back();
            self.rolled_back = true;
        } else {
            self.server.back_up();
            self.backed_up = true;
        }
    }
}
