//! The browser client (`clients/browser`), in one tab and in a few.

use serde_json::{Value, json};

use crate::field::Field;
use crate::script::run;

fn works(script: &str, told: Value) {
    let mut field = Field::default();
    run(script, told, |asked| field.give(asked));
}

#[test]
fn a_page_signs_in_stays_so_and_signs_out() {
    works("client", json!({}));
}

#[test]
fn the_token_goes_to_chosen_origins_and_into_memory_alone() {
    works("leaks", json!({}));
}

#[test]
fn the_sign_in_page_leads_back_to_where_one_was() {
    works("places", json!({}));
}

#[test]
fn sign_out_and_theft_reach_all_tabs() {
    works("ends", json!({ "shares": true }));
}

#[test]
fn sign_out_and_theft_reach_all_tabs_that_cannot_speak_to_each_other() {
    works("ends", json!({ "shares": false }));
}

#[test]
fn it_is_small_typed_and_works_from_a_script_and_a_bundler() {
    works("ways", json!({}));
}
