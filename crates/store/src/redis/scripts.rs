//! The scripts. All keys of one share a hash tag, and it is told all of them.

use std::sync::LazyLock;

use redis::Script;

macro_rules! scripts {
    ($($(#[$doc:meta])* $name:ident = $($file:literal)+;)*) => {
        $($(#[$doc])* pub(super) static $name: LazyLock<Script> = LazyLock::new(|| {
            Script::new(concat!($(include_str!(concat!("scripts/", $file))),+))
        });)*
    };
}

scripts! {
    /// A new session, pending, with its grant.
    OPEN = "open.lua";
    /// The entry of a session in the index of its user.
    INDEX = "index.lua";
    /// The renewal table.
    ROTATE = "standing.lua" "rotate.lua";
    /// A use by a name that stays.
    TOUCH = "standing.lua" "touch.lua";
    /// Another client in a session that stands.
    JOIN = "standing.lua" "join.lua";
    /// Drops a session that has ended.
    DROP = "drop.lua";
    /// Whether a session of a user who is being cut off counts; one that is pending goes.
    CUT_OFF = "cut_off.lua";
    /// Marks a session whose user is about to change their password.
    BEGIN_CHANGE = "begin_change.lua";
    /// The session goes on under the new epoch and with a new grant.
    FINISH_CHANGE = "finish_change.lua";
    /// Drops a session that has rested too long.
    SWEEP = "sweep.lua";
    /// Counts an attempt.
    COUNT = "waits.lua" "count.lua";
    /// Takes back what was counted.
    AMEND = "waits.lua" "amend.lua";
    /// When this memory began, and how often it was looked at since.
    MEMORY = "memory.lua";
}
