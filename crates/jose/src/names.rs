//! Member names that were seen in a JSON object, to notice one that comes again.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, Visitor};

/// So many names are kept on the stack and compared one by one; tokens rarely have more.
const FEW: usize = 16;

/// The names seen so far.
#[derive(Default)]
pub(crate) struct Names<'de> {
    few: [&'de str; FEW],
    len: usize,
    /// The rest, and names that were written with escapes.
    many: HashSet<Cow<'de, str>>,
    /// One bit for each name's `mark`: most new names find theirs unset and need no comparison.
    marks: u64,
}

impl<'de> Names<'de> {
    pub(crate) fn len(&self) -> usize {
        self.len + self.many.len()
    }

    /// Adds the name; false if it was there.
    pub(crate) fn insert(&mut self, name: Cow<'de, str>) -> bool {
        let mark = mark(&name);
        let marked = self.marks & mark != 0;
        self.marks |= mark;
        if marked && (self.few[..self.len].contains(&&*name) || self.many.contains(&name)) {
            return false;
        }
        match name {
            Cow::Borrowed(name) if self.len < FEW => {
                self.few[self.len] = name;
                self.len += 1;
                true
            }
            name => self.many.insert(name),
        }
    }
}

fn mark(name: &str) -> u64 {
    let bytes = name.as_bytes();
    let (Some(&first), Some(&last)) = (bytes.first(), bytes.last()) else {
        return 1;
    };
    1 << ((bytes.len() + usize::from(first) * 7 + usize::from(last) * 3) % 64)
}

/// A string that stays where it is in the JSON text, if it has no escapes.
pub(crate) struct Text<'de>(pub(crate) Cow<'de, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Text(Cow::Owned(text.to_owned())))
    }
}

/// What to say of a string where an object should be. Without it the string would be written into
/// an error that nobody reads, which takes a hundred times as long as reading it.
pub(crate) fn no_object<E: de::Error>() -> E {
    E::custom("no object")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_second_coming_is_noticed() {
        for count in [1, 2, FEW - 1, FEW, FEW + 1, 5 * FEW] {
            let mut names = Names::default();
            let texts: Vec<String> = (0..count).map(|i| format!("name{i}")).collect();
            for (i, text) in texts.iter().enumerate() {
                // Every third one as if it had been written with escapes.
                let escaped = i % 3 == 2;
                let name = if escaped {
                    Cow::Owned(text.clone())
                } else {
                    Cow::Borrowed(&**text)
                };
                assert!(names.insert(name));
            }
            assert_eq!(names.len(), count);
            for text in &texts {
                assert!(!names.insert(Cow::Borrowed(text)), "{text} of {count}");
                assert!(!names.insert(Cow::Owned(text.clone())), "{text} of {count}");
            }
        }
    }
}
