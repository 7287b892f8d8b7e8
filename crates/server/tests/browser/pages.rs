//! The server's own pages, in a browser with and without JavaScript.

use serde_json::{Value, json};

use crate::field::Field;
use crate::script::run;

fn works(told: Value) {
    let mut field = Field::default();
    run("pages", told, |asked| field.give(asked));
}

#[test]
fn the_pages_are_whole_with_scripts() {
    works(json!({ "scripts": true }));
}

#[test]
fn the_pages_are_whole_without_scripts() {
    works(json!({ "scripts": false }));
}
