//! The revocation feed, as the services read it that check tokens on their own.

mod causes;
mod door;
mod faults;
mod pages;
mod reader;
mod streams;
mod views;
