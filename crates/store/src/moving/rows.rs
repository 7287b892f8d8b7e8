//! Rows on their way: read from SQLite, held as an array for each column, counted and summed.

use aws_lc_rs::digest::{SHA256, digest};
use rusqlite::types::{Type, ValueRef};
use rusqlite::{Error as SqlError, Row};
use tokio_postgres::types::ToSql;

use super::tables::{Column, Kind};

/// Some rows of a table, or of its keys.
pub(super) struct Rows<'t> {
    columns: Vec<(&'t Column, Values)>,
    count: usize,
    tally: Tally,
}

/// The number of rows, and the sum of the first 64 bits of each one's SHA-256: whatever their order, the same rows give
/// the same sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) rows: i64,
    pub(super) sum: i128,
}

impl Tally {
    pub(super) fn add(&mut self, other: Self) {
        self.rows += other.rows;
        self.sum += other.sum;
    }
}

enum Values {
    Numbers(Vec<Option<i64>>),
    Texts(Vec<Option<String>>),
    Bytes(Vec<Option<Vec<u8>>>),
}

impl<'t> Rows<'t> {
    pub(super) fn new(columns: impl Iterator<Item = &'t Column>) -> Self {
        let columns = columns.map(|column| (column, Values::of(column.kind)));
        Self {
            columns: columns.collect(),
            count: 0,
            tally: Tally::default(),
        }
    }

    /// The same, empty.
    pub(super) fn next(&self) -> Self {
        Self::new(self.columns.iter().map(|(column, _)| *column))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(super) fn len(&self) -> usize {
        self.count
    }

    pub(super) fn tally(&self) -> Tally {
        self.tally
    }

    /// As parameters, in the order of the columns.
    pub(super) fn arrays(&self) -> Vec<&(dyn ToSql + Sync)> {
        let arrays = self.columns.iter().map(|(_, values)| values.array());
        arrays.collect()
    }

    /// What names the rows, where that is one column.
    pub(super) fn keys(&self) -> Option<&(dyn ToSql + Sync)> {
        let mut keys = self.columns.iter().filter(|(column, _)| column.is_key);
        keys.next().map(|(_, values)| values.array())
    }

    /// The numbers of a column.
    pub(super) fn numbers(&self, name: &str) -> &[Option<i64>] {
        let of = self.columns.iter().find(|(column, _)| column.name == name);
        match of {
            Some((_, Values::Numbers(numbers))) => numbers,
            _ => &[],
        }
    }

    pub(super) fn push(&mut self, row: &Row<'_>) -> rusqlite::Result<()> {
        let mut text = Vec::new();
        for (number, (column, values)) in self.columns.iter_mut().enumerate() {
            if number > 0 {
                text.push(0x1f);
            }
            let value = row.get_ref(number)?;
            let was_there = values.push(column.kind, value, &mut text);
            if !was_there.ok_or_else(|| unexpected(number, column, value.data_type()))? {
                text.push(0x1e);
            }
        }
        let hash = digest(&SHA256, &text);
        let mut first = [0; 8];
        first.copy_from_slice(&hash.as_ref()[..8]);
        self.tally.sum += i128::from(i64::from_be_bytes(first));
        self.tally.rows += 1;
        self.count += 1;
        Ok(())
    }
}

impl Values {
    fn of(kind: Kind) -> Self {
        match kind {
            Kind::Int | Kind::Bool | Kind::End => Self::Numbers(Vec::new()),
            Kind::Text | Kind::Json => Self::Texts(Vec::new()),
            Kind::Bytes => Self::Bytes(Vec::new()),
        }
    }

    /// Keeps a value, and writes it as PostgreSQL would. Whether there is one; `None` if it is of another type.
    fn push(&mut self, kind: Kind, value: ValueRef<'_>, text: &mut Vec<u8>) -> Option<bool> {
        if value == ValueRef::Null {
            match self {
                Self::Numbers(values) => values.push(None),
                Self::Texts(values) => values.push(None),
                Self::Bytes(values) => values.push(None),
            }
            return Some(false);
        }
        match (self, value) {
            (Self::Numbers(values), ValueRef::Integer(number)) if kind != Kind::End => {
                text.extend_from_slice(number.to_string().as_bytes());
                values.push(Some(number));
            }
            (Self::Numbers(values), ValueRef::Blob(bytes)) if kind == Kind::End => {
                let number = i64::from_be_bytes(bytes.try_into().ok()?);
                text.extend_from_slice(number.to_string().as_bytes());
                values.push(Some(number));
            }
            (Self::Texts(values), ValueRef::Text(bytes)) => {
                text.extend_from_slice(bytes);
                values.push(Some(String::from_utf8(bytes.to_vec()).ok()?));
            }
            (Self::Bytes(values), ValueRef::Blob(bytes)) => {
                for byte in bytes {
                    let digit = |nibble: u8| b"0123456789abcdef"[usize::from(nibble & 15)];
                    text.extend([digit(byte >> 4), digit(*byte)]);
                }
                values.push(Some(bytes.to_vec()));
            }
            _ => return None,
        }
        Some(true)
    }

    fn array(&self) -> &(dyn ToSql + Sync) {
        match self {
            Self::Numbers(values) => values,
            Self::Texts(values) => values,
            Self::Bytes(values) => values,
        }
    }
}

fn unexpected(number: usize, column: &Column, found: Type) -> SqlError {
    SqlError::InvalidColumnType(number, column.name.to_owned(), found)
}
