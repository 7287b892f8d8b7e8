//! What an operator may make the pages look like: a name, a logo, a colour, templates of their own. Checked at start.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::colour::{Colour, EASY, READABLE};
use super::rehearsal::rehearse;
use super::render::{Pages, TEMPLATES};

/// The longest name.
const MAX_NAME: usize = 60;
/// The largest logo, in bytes: a page is to be there at once, by telephone, too.
const MAX_LOGO: u64 = 16 * 1024;
/// The largest template, in bytes.
const MAX_TEMPLATE: u64 = 64 * 1024;

/// The pages: `[pages]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PagesConfig {
    /// What the pages call themselves.
    pub name: String,
    /// A picture to the left of the name: SVG, PNG or WebP, 16 KiB at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logo: Option<PathBuf>,
    /// The one colour, as `#rrggbb`: dark enough for text on white. For dark screens a lighter one is made of it.
    pub accent: String,
    /// Whom people ask who cannot get in: an email address, or the `https` address of a page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub support: Option<String>,
    /// A folder of templates that take the place of those of the same name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub templates: Option<PathBuf>,
}

impl Default for PagesConfig {
    fn default() -> Self {
        Self {
            name: "Countersign".to_owned(),
            logo: None,
            accent: "#2b4acb".to_owned(),
            support: None,
            templates: None,
        }
    }
}

/// Why the pages cannot look like that.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("pages.{key}: {message}")]
pub struct BrandError {
    /// The setting.
    pub key: &'static str,
    /// What is wrong with it, and the cure.
    pub message: String,
}

impl BrandError {
    fn new(key: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { key, message }
    }
}

/// What was chosen, and found good.
pub(super) struct Brand {
    pub(super) name: String,
    pub(super) logo: Option<Logo>,
    pub(super) accent: Accent,
    pub(super) support: Option<Support>,
    /// By their names.
    pub(super) templates: BTreeMap<&'static str, String>,
}

/// A picture.
pub(super) struct Logo {
    pub(super) extension: &'static str,
    pub(super) bytes: Vec<u8>,
}

/// The one colour, and what is written on it.
#[derive(Clone, Copy)]
pub(super) struct Accent {
    pub(super) light: Colour,
    pub(super) dark: Colour,
}

impl Accent {
    /// The colours as variables of the style sheet.
    pub(super) fn sheet(self) -> String {
        let (light, dark) = (self.light, self.dark);
        let (on_light, on_dark) = (Colour::WHITE, Colour::DARK);
        format!(
            ":root{{--accent:{light};--on-accent:{on_light}}}\n\
             @media (prefers-color-scheme:dark){{:root{{--accent:{dark};--on-accent:{on_dark}}}}}\n"
        )
    }
}

/// Whom to ask.
#[derive(Clone, Serialize)]
pub(super) struct Support {
    pub(super) text: String,
    pub(super) address: String,
}

impl Pages {
    /// The pages, as they are to look.
    ///
    /// # Errors
    /// What is wrong with a setting.
    pub fn open(config: &PagesConfig) -> Result<Self, BrandError> {
        let brand = Brand {
            name: name(&config.name)?,
            logo: config.logo.as_deref().map(logo).transpose()?,
            accent: accent(&config.accent)?,
            support: config.support.as_deref().map(support).transpose()?,
            templates: match &config.templates {
                None => BTreeMap::new(),
                Some(folder) => templates(folder)?,
            },
        };
        let own: Vec<&str> = brand.templates.keys().copied().collect();
        let pages = Self::new(brand).map_err(|error| BrandError::new("templates", error))?;
        if let Some(folder) = config.templates.as_deref().filter(|_| !own.is_empty()) {
            rehearse(&pages).map_err(|error| unfilled(folder, &own, &error))?;
        }
        Ok(pages)
    }
}

fn name(text: &str) -> Result<String, BrandError> {
    let length = text.chars().count();
    if (1..=MAX_NAME).contains(&length) && !text.chars().any(char::is_control) {
        return Ok(text.to_owned());
    }
    Err(BrandError::new(
        "name",
        format!("1 to {MAX_NAME} characters expected"),
    ))
}

fn logo(path: &Path) -> Result<Logo, BrandError> {
    let extension = path.extension().and_then(|extension| extension.to_str());
    let extension = match extension {
        Some("svg") => "svg",
        Some("png") => "png",
        Some("webp") => "webp",
        _ => {
            let message = "a file that ends in .svg, .png or .webp expected";
            return Err(BrandError::new("logo", message));
        }
    };
    let bytes = read("logo", path, MAX_LOGO)?;
    Ok(Logo { extension, bytes })
}

fn read(key: &'static str, path: &Path, largest: u64) -> Result<Vec<u8>, BrandError> {
    let failed =
        |error| BrandError::new(key, format!("{} cannot be read: {error}", path.display()));
    let refused = |what| BrandError::new(key, format!("{} {what}", path.display()));
    // A pipe or a device would keep the start waiting, or never end.
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Err(refused("is no file".to_owned()));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    let read = file.take(largest + 1).read_to_end(&mut bytes);
    if read.map_err(failed)? as u64 > largest {
        return Err(refused(format!("has more than {largest} bytes")));
    }
    Ok(bytes)
}

fn accent(text: &str) -> Result<Accent, BrandError> {
    let light: Colour = text
        .parse()
        .map_err(|_| BrandError::new("accent", "a colour expected, as in #2b4acb"))?;
    let contrast = light.contrast(Colour::LIGHT);
    if contrast < READABLE {
        let black = Colour::BLACK;
        let darker = light.towards(black, Colour::LIGHT, READABLE);
        let message = format!(
            "{light} is too light to be read: its contrast with what is behind is {contrast:.1}, and {READABLE} is needed \
             (WCAG 2.2, 1.4.3); {darker} would do"
        );
        return Err(BrandError::new("accent", message));
    }
    let dark = light.towards(Colour::WHITE, Colour::DARK_CARD, EASY);
    Ok(Accent { light, dark })
}

fn support(text: &str) -> Result<Support, BrandError> {
    let refused = || {
        let message = "an email address expected, or the https address of a page";
        BrandError::new("support", message)
    };
    if text.starts_with("https://") && text.parse::<http::Uri>().is_ok() {
        let shown = text.trim_start_matches("https://").trim_end_matches('/');
        return Ok(Support {
            text: shown.to_owned(),
            address: text.to_owned(),
        });
    }
    let email = countersign_auth::identifier::email(text).map_err(|_| refused())?;
    Ok(Support {
        // What a mail program reads as more than an address (RFC 6068 §2) is escaped.
        address: format!("mailto:{}", crate::http::encode(&email).replace("%40", "@")),
        text: email,
    })
}

/// A template that is one, and cannot be filled in.
fn unfilled(folder: &Path, own: &[&str], error: &minijinja::Error) -> BrandError {
    // The innermost says where it is.
    let mut error = error;
    while let Some(inner) = error.source().and_then(<dyn Error>::downcast_ref) {
        error = inner;
    }
    let name = error.name().unwrap_or_default();
    let file = if own.contains(&name) {
        folder.join(name).display().to_string()
    } else {
        format!("{name} of the server's own")
    };
    let line = error.line().unwrap_or_default();
    let reason = error
        .detail()
        .map_or_else(String::new, |detail| format!(" ({detail})"));
    let message = format!(
        "{file}, line {line}, cannot be filled in: {}{reason}. Compare yours with the server's template of that name in this \
         version, or take yours out of {}",
        error.kind(),
        folder.display()
    );
    BrandError::new("templates", message)
}

/// Every file of the folder must be a template that there is: one that is misspelled would be missed silently.
fn templates(folder: &Path) -> Result<BTreeMap<&'static str, String>, BrandError> {
    let failed = |error: &dyn std::fmt::Display| {
        let message = format!("{} cannot be read: {error}", folder.display());
        BrandError::new("templates", message)
    };
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).map_err(|error| failed(&error))? {
        let path = entry.map_err(|error| failed(&error))?.path();
        let file = path.file_name().unwrap_or_default();
        let known = TEMPLATES.iter().find(|(name, _)| *name == file);
        let Some((name, _)) = known else {
            let names: Vec<&str> = TEMPLATES.iter().map(|(name, _)| *name).collect();
            let message = format!(
                "{} is none of the templates: {}",
                path.display(),
                names.join(", ")
            );
            return Err(BrandError::new("templates", message));
        };
        let text = String::from_utf8(read("templates", &path, MAX_TEMPLATE)?);
        let text = text.map_err(|_| failed(&format_args!("{name} is not UTF-8")))?;
        found.insert(*name, text);
    }
    Ok(found)
}
