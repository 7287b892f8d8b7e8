//! The thief: copies the cookie once, and uses what it has at times of its own.

use super::super::server::{Row, Token};
use super::{Ended, Event, HOME, INTERVAL, Run};

#[derive(Clone, Copy)]
enum Habit {
    /// Renews what it got, as an owner would.
    Renews,
    /// Presents what it stole, again and again.
    Hammers,
    /// Now this, now that.
    Whims,
}

#[derive(Clone, Copy)]
pub(super) struct Thief {
    stolen: Token,
    newest: Token,
    habit: Habit,
    network: u32,
}

impl Run<'_> {
    pub(super) fn steal(&mut self) {
        let habit = match self.chance.between(0, 3) {
            0 => Habit::Renews,
            1 => Habit::Hammers,
            _ => Habit::Whims,
        };
        self.thief = Some(Thief {
            stolen: self.jar,
            newest: self.jar,
            habit,
            network: if self.chance.percent(50) { HOME } else { 2 },
        });
        let pause = self.pause();
        self.at(pause, Event::ThiefActs);
    }

    pub(super) fn thief_acts(&mut self) -> Option<Ended> {
        let Thief {
            stolen,
            newest,
            habit,
            network,
        } = self.thief?;
        let token = match habit {
            Habit::Hammers => stolen,
            Habit::Whims if self.chance.percent(30) => stolen,
            Habit::Whims | Habit::Renews => newest,
        };
        let spent = self.spent.get(&token);
        if self.late_acts > 0 || spent.is_some_and(|spent| self.now - spent > INTERVAL) {
            self.late_acts += 1;
        }
        let (row, next) = self.server.present(token, self.now, network);
        match row {
            Row::Reused => return Some(Ended::ThiefFound),
            Row::Expired => return Some(Ended::ThiefShutOut),
            Row::Rotated | Row::Held | Row::Retried | Row::Recovered | Row::TooManyRetries => {}
            row => panic!("the thief met {row:?}"),
        }
        if let Some(next) = next {
            self.thief = Some(Thief {
                stolen,
                newest: next,
                habit,
                network,
            });
        }
        let pause = self.pause();
        self.at(pause, Event::ThiefActs);
        None
    }
}
