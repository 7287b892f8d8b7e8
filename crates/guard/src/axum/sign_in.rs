//! Sends people who follow a link, and are not signed in, to the page where they can.

use http::{HeaderMap, HeaderValue, Method, header};

use crate::net::{
    BadAddress,
    address::{Address, InTheClear, escape},
};

/// Where people sign in, and the address by which they know this service.
#[derive(Clone, Debug)]
pub struct SignIn {
    page: String,
    own: String,
}

impl SignIn {
    /// Sends navigating browsers to `page`, with the parameter `return_to` (and `max_age`, in seconds, if
    /// the last sign-in was too long ago): `own` (such as
    /// `https://orders.example`) and the path that they asked for. It is put together from these two
    /// alone: no header of a request, and no path of it, can make it lead elsewhere.
    ///
    /// # Errors
    /// [`BadAddress`] if `page` is no address, or `own` is more than scheme, host and port.
    pub fn new(page: &str, own: &str) -> Result<Self, BadAddress> {
        Address::parse(page, InTheClear::Anyone)?;
        let origin = Address::parse(own, InTheClear::Anyone)?;
        if !origin.is_bare() || own.ends_with('/') || own.contains('?') {
            return Err(BadAddress::Syntax);
        }
        Ok(Self {
            page: page.to_owned(),
            own: own.to_owned(),
        })
    }

    /// Where to go from here. `path` begins with a slash.
    pub(super) fn location(&self, path: &str, max_age: Option<u64>) -> Option<HeaderValue> {
        let and = if self.page.contains('?') { '&' } else { '?' };
        let back = escape(&format!("{}{path}", self.own));
        let max_age = max_age.map(|age| format!("&max_age={age}"));
        let max_age = max_age.unwrap_or_default();
        HeaderValue::from_str(&format!("{}{and}return_to={back}{max_age}", self.page)).ok()
    }
}

/// Whether somebody looks at the answer: a browser that goes to a page, rather than a program. By
/// `Sec-Fetch-Mode` where there is one (Fetch Metadata §2.2), else by what is accepted.
pub(super) fn is_navigation(method: &Method, headers: &HeaderMap) -> bool {
    let mode = headers.get("sec-fetch-mode");
    let accepts_pages = || {
        headers
            .get_all(header::ACCEPT)
            .iter()
            .filter_map(|line| line.to_str().ok())
            .any(|line| line.contains("text/html"))
    };
    matches!(*method, Method::GET | Method::HEAD)
        && !headers.contains_key(header::UPGRADE)
        && mode.map_or_else(accepts_pages, |mode| *mode == "navigate")
}
