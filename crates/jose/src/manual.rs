//! The chapters behind the front page. There is no code in here.
//!
//! | chapter | read it |
//! | --- | --- |
//! | [`choosing`] | before the first key is made: which algorithm signs, and how long its tokens are |
//! | [`rotation`] | before the second one: how keys come and go without a token refused |
//! | [`encryption`] | when a bearer must not read a token: which algorithms, and what it does not say |
//! | [`attacks`] | when reviewing: what has been done to tokens elsewhere, and why it fails here |

pub mod attacks;
pub mod choosing;
pub mod encryption;
pub mod rotation;
