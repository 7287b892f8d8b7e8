//! `countersign doctor` before real servers, most of them behind Debian's nginx: a good one, and what people get wrong.

mod good;
mod hostile;
mod peer;
mod planted;
mod world;
