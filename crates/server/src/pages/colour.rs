//! The one colour that an operator may choose, and whether it can be read (WCAG 2.2, 1.4.3).

use std::fmt;
use std::str::FromStr;

/// The contrast that text needs.
pub(super) const READABLE: f64 = 4.5;
/// The one at which it is read with ease (1.4.6): light text on a dark ground looks thinner.
pub(super) const EASY: f64 = 7.0;

/// A colour of sRGB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Colour([u8; 3]);

impl Colour {
    pub(super) const WHITE: Self = Self([255; 3]);
    pub(super) const BLACK: Self = Self([0; 3]);
    /// Behind everything, in the light; `--ground` of `colours.css`.
    pub(super) const LIGHT: Self = Self([0xf5, 0xf5, 0xf2]);
    /// The same in the dark.
    pub(super) const DARK: Self = Self([0x12, 0x14, 0x18]);
    /// The lightest that is behind text in the dark: `--card`.
    pub(super) const DARK_CARD: Self = Self([0x1a, 0x1d, 0x22]);

    /// The contrast of two colours, from 1 to 21.
    pub(super) fn contrast(self, other: Self) -> f64 {
        let (a, b) = (self.luminance(), other.luminance());
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    fn luminance(self) -> f64 {
        let linear = self.0.map(|channel| {
            let channel = f64::from(channel) / 255.0;
            if channel <= 0.040_45 {
                channel / 12.92
            } else {
                ((channel + 0.055) / 1.055).powf(2.4)
            }
        });
        0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    }

    /// The nearest on the way to `end` that has this contrast with `ground`.
    pub(super) fn towards(self, end: Self, ground: Self, contrast: f64) -> Self {
        (0..=100)
            .map(|percent| self.mixed(end, percent))
            .find(|mixed| mixed.contrast(ground) >= contrast)
            .unwrap_or(end)
    }

    /// So much of `other` in it.
    fn mixed(self, other: Self, percent: u16) -> Self {
        let channel = |index: usize| {
            let (own, other) = (u16::from(self.0[index]), u16::from(other.0[index]));
            let mixed = (own * (100 - percent) + other * percent) / 100;
            u8::try_from(mixed).unwrap_or(u8::MAX)
        };
        Self([channel(0), channel(1), channel(2)])
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

/// A text that is no colour.
#[derive(Clone, Copy, Debug)]
pub(super) struct InvalidColour;

impl FromStr for Colour {
    type Err = InvalidColour;

    fn from_str(text: &str) -> Result<Self, InvalidColour> {
        let digits = text.strip_prefix('#').ok_or(InvalidColour)?;
        if digits.len() != 6 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(InvalidColour);
        }
        let number = u32::from_str_radix(digits, 16).map_err(|_| InvalidColour)?;
        let [_, red, green, blue] = number.to_be_bytes();
        Ok(Self([red, green, blue]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn colour(text: &str) -> Colour {
        text.parse().unwrap()
    }

    #[test]
    fn contrast_is_what_the_standard_says() {
        let black = colour("#000000");
        assert!((Colour::WHITE.contrast(black) - 21.0).abs() < 1e-9);
        assert!((black.contrast(black) - 1.0).abs() < 1e-9);
        // The well-known border: the lightest grey that can be read on white.
        assert!(colour("#767676").contrast(Colour::WHITE) >= READABLE);
        assert!(colour("#777777").contrast(Colour::WHITE) < READABLE);
    }

    #[test]
    fn what_is_no_colour_is_refused() {
        for text in [
            "",
            "#",
            "#fff",
            "2b4acb",
            "#2b4ac",
            "#2b4acbff",
            "#2b4acg",
            "#+b4acb",
            "red",
            "#ä4acb",
        ] {
            assert!(text.parse::<Colour>().is_err(), "{text:?}");
        }
        assert_eq!(colour("#2B4aCb").to_string(), "#2b4acb");
    }

    #[test]
    fn the_way_to_a_colour_ends_where_it_can_be_read() {
        for text in [
            "#2b4acb", "#000000", "#ffffff", "#ff0000", "#00ff00", "#8a8a8a",
        ] {
            let lighter = colour(text).towards(Colour::WHITE, Colour::DARK_CARD, EASY);
            assert!(lighter.contrast(Colour::DARK_CARD) >= EASY, "{text}");
            let darker = colour(text).towards(Colour::BLACK, Colour::LIGHT, READABLE);
            assert!(darker.contrast(Colour::LIGHT) >= READABLE, "{text}");
        }
    }

    /// The value of a colour in the style sheet: in its first block, or in the one for the dark.
    fn of_sheet(name: &str, dark: bool) -> Colour {
        let sheet = include_str!("../../pages/colours.css");
        let (light, rest) = sheet
            .split_once("@media (prefers-color-scheme: dark)")
            .unwrap();
        let block = if dark { rest } else { light };
        let (_, after) = block.split_once(&format!("{name}: #")).unwrap();
        let digits = after.split(';').next().unwrap();
        let doubled = |digits: &str| digits.chars().flat_map(|digit| [digit, digit]).collect();
        let digits: String = if digits.len() == 3 {
            doubled(digits)
        } else {
            digits.to_owned()
        };
        colour(&format!("#{digits}"))
    }

    #[test]
    fn every_colour_of_the_style_sheet_can_be_read_on_what_is_behind_it() {
        for dark in [false, true] {
            for (front, behind, needed) in [
                ("--ink", "--ground", 7.0),
                ("--ink", "--card", 7.0),
                ("--soft", "--ground", READABLE),
                ("--soft", "--card", READABLE),
                ("--bad", "--card", READABLE),
                ("--bad", "--ground", READABLE),
                ("--bad", "--bad-ground", READABLE),
                ("--good", "--good-ground", READABLE),
                // Edges of what can be pressed or filled in (1.4.11).
                ("--edge", "--card", 3.0),
                ("--edge", "--ground", 3.0),
            ] {
                let contrast = of_sheet(front, dark).contrast(of_sheet(behind, dark));
                assert!(
                    contrast >= needed,
                    "{front} on {behind}, dark: {dark}: {contrast:.2}"
                );
            }
        }
        assert_eq!(of_sheet("--ground", false), Colour::LIGHT);
        assert_eq!(of_sheet("--ground", true), Colour::DARK);
        assert_eq!(of_sheet("--card", true), Colour::DARK_CARD);
    }
}
