//! Values of the model as columns of a row, and back.

use std::error::Error;
use std::str::FromStr;

use countersign_auth::env::Timestamp;
use rusqlite::types::Type;
use rusqlite::{Error as SqlError, Result, Row};
use serde::de::IntoDeserializer;
use serde::de::value::Error as WordError;
use serde::{Deserialize, Serialize};

/// `SQLite` has 63 bits for what the model counts in 64. No epoch or sequence comes near; a time beyond is the end of time.
pub(super) fn int(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A moment as a column.
pub(super) fn millis(time: Timestamp) -> i64 {
    int(time.as_millis())
}

/// A closed enum of the model by its stable name.
pub(super) fn word<T: Serialize>(value: &T) -> Result<String> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => Ok(word),
        Ok(other) => Err(SqlError::ToSqlConversionFailure(
            format!("{other} is not a word").into(),
        )),
        Err(error) => Err(SqlError::ToSqlConversionFailure(error.into())),
    }
}

/// Something of many parts as a JSON text.
pub(super) fn json<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|error| SqlError::ToSqlConversionFailure(error.into()))
}

/// Columns as values of the model. A value that is not one is a damaged row: [`SqlError::FromSqlConversionFailure`].
pub(super) trait Columns {
    fn uint(&self, column: usize) -> Result<u64>;
    fn time(&self, column: usize) -> Result<Timestamp>;
    fn parsed<T>(&self, column: usize) -> Result<T>
    where
        T: FromStr<Err: Error + Send + Sync + 'static>;
    fn word<T: for<'de> Deserialize<'de>>(&self, column: usize) -> Result<T>;
    fn json<T: for<'de> Deserialize<'de>>(&self, column: usize) -> Result<T>;
}

impl Columns for Row<'_> {
    fn uint(&self, column: usize) -> Result<u64> {
        let value: i64 = self.get(column)?;
        u64::try_from(value).map_err(|_| SqlError::IntegralValueOutOfRange(column, value))
    }

    fn time(&self, column: usize) -> Result<Timestamp> {
        self.uint(column).map(Timestamp::from_millis)
    }

    fn parsed<T>(&self, column: usize) -> Result<T>
    where
        T: FromStr<Err: Error + Send + Sync + 'static>,
    {
        text(self, column)?
            .parse()
            .map_err(|error| damaged(column, error))
    }

    fn word<T: for<'de> Deserialize<'de>>(&self, column: usize) -> Result<T> {
        let word = text(self, column)?;
        T::deserialize(word.into_deserializer()).map_err(|error: WordError| damaged(column, error))
    }

    fn json<T: for<'de> Deserialize<'de>>(&self, column: usize) -> Result<T> {
        serde_json::from_str(text(self, column)?).map_err(|error| damaged(column, error))
    }
}

fn text<'r>(row: &'r Row<'_>, column: usize) -> Result<&'r str> {
    row.get_ref(column)?
        .as_str()
        .map_err(|error| damaged(column, error))
}

fn damaged(column: usize, error: impl Error + Send + Sync + 'static) -> SqlError {
    SqlError::FromSqlConversionFailure(column, Type::Text, Box::new(error))
}
