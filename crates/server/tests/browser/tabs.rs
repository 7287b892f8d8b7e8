//! Ten tabs for a minute (with `LONG=1` for six), with lost, cut, slow and late answers, tabs that sleep, a server that is
//! killed, and clocks that are five minutes apart.

use serde_json::json;

use crate::field::Field;
use crate::script::run;

#[test]
fn ten_tabs_stay_signed_in() {
    stay_signed_in(true, 300);
}

#[test]
fn ten_tabs_that_cannot_speak_to_each_other_stay_signed_in() {
    stay_signed_in(false, -300);
}

fn stay_signed_in(shares: bool, ahead: i32) {
    let mut field = Field::default();
    let told = json!({ "shares": shares, "ahead": ahead });
    run("tabs", told, |asked| field.give(asked));
}
