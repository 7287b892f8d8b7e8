//! What is moved: every table and every column of the embedded store, and where it goes. A test of the crate sees that
//! none is forgotten.

/// A table of PostgreSQL, and the rows of SQLite that go there.
pub(crate) struct Table {
    /// In PostgreSQL.
    pub(crate) name: &'static str,
    /// In their order in both.
    pub(super) columns: &'static [Column],
    /// Where the rows come from. `{db}` is one of two databases that are compared. No join: so that SQLite finds a row
    /// of one in the other by its key.
    pub(super) from: &'static str,
    /// Makes way, before changed rows are put: one may have now what another had before. `$1` is their keys.
    pub(super) make_way: Option<&'static str>,
    /// The column that PostgreSQL numbers by itself.
    pub(super) numbered: Option<&'static str>,
}

pub(super) struct Column {
    /// In PostgreSQL.
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// In SQLite.
    pub(super) value: &'static str,
    /// Whether it is part of what names a row.
    pub(super) is_key: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Int,
    /// 0 or 1 in SQLite.
    Bool,
    Text,
    Json,
    Bytes,
    /// The first eight bytes of an id: when it ends.
    End,
}

macro_rules! columns {
    ($($name:ident: $kind:ident $(= $value:literal)? $(, $key:ident)?;)*) => {
        &[$(Column {
            name: stringify!($name),
            kind: Kind::$kind,
            value: columns!(@value $name $($value)?),
            is_key: columns!(@key $($key)?),
        }),*]
    };
    (@value $name:ident) => { stringify!($name) };
    (@value $name:ident $value:literal) => { $value };
    (@key) => { false };
    (@key key) => { true };
}

/// By what an earlier state of a store is known.
#[derive(Clone, Copy)]
pub(super) enum Before<'a> {
    /// A database.
    Copy(&'a str),
    /// The keys of all rows that were written since: see [`Table::keys_of_written`].
    Written,
}

/// Those that others refer to come first.
pub(crate) const TABLES: &[Table] = &[
    Table {
        name: "issuer",
        columns: columns! {
            one: Bool, key;
            epoch: Int;
            incarnation: Int;
            sequence: Int;
            event_lifetime: Int;
            algorithm: Text;
        },
        from: "{db}.issuer",
        make_way: None,
        numbered: None,
    },
    Table {
        name: "users",
        columns: columns! {
            key: Int, key;
            id: Bytes;
            email: Text;
            username: Text;
            name: Text;
            roles: Json;
            attributes: Json;
            enabled: Bool;
            epoch: Int;
            created_at: Int;
            updated_at: Int;
        },
        from: "{db}.users",
        make_way: Some(
            "UPDATE users SET email = 'moving ' || key, username = NULL, id = convert_to('moving ' || key, 'UTF8')
             WHERE key = ANY($1)",
        ),
        numbered: Some("key"),
    },
    Table {
        name: "passwords",
        columns: columns! {
            user_key: Int = "user", key;
            hash: Text;
        },
        from: "{db}.passwords",
        make_way: None,
        numbered: None,
    },
    Table {
        name: "clients",
        columns: columns! {
            key: Int, key;
            id: Text;
            enabled: Bool;
            epoch: Int;
            created_at: Int;
            audience_since: Int;
            settings: Json;
        },
        from: "{db}.clients",
        make_way: None,
        numbered: Some("key"),
    },
    Table {
        name: "client_secrets",
        columns: columns! {
            key: Int, key;
            client_key: Int = "client";
            hash: Bytes;
            created_at: Int;
            ends_at: Int;
        },
        from: "{db}.client_secrets",
        make_way: None,
        numbered: Some("key"),
    },
    Table {
        name: "sessions",
        columns: columns! {
            absolute_end: End = "substr(id, 1, 8)", key;
            id: Bytes, key;
            user_key: Int = "user";
            user_epoch: Int;
            issuer_epoch: Int;
            auth_time: Int;
            amr: Json;
            idle_end: Int;
            device: Text;
            address: Text;
        },
        from: "{db}.sessions",
        make_way: None,
        numbered: None,
    },
    Table {
        name: "grants",
        columns: columns! {
            absolute_end: Int, key;
            handle: Bytes, key;
            session: Bytes = "(SELECT s.id FROM {db}.sessions s WHERE s.key = session)";
            client_key: Int = "client";
            client_epoch: Int;
            scope: Text;
            style: Text;
            cur: Int;
            prev: Int;
            floor: Int;
            rotated_at: Int;
            handed_at: Int;
            retries: Int;
            recoveries: Int;
            network: Int;
            strangers: Int;
            stranger_now: Bool;
        },
        from: "{db}.grants",
        make_way: None,
        numbered: None,
    },
    Table {
        name: "keys",
        columns: columns! {
            id: Bytes, key;
            purpose: Text;
            algorithm: Text;
            kid: Text;
            sealed: Bytes;
            state: Text;
            created_at: Int;
            since: Int;
        },
        from: "{db}.keys",
        // There is one active key of each ring.
        make_way: Some("DELETE FROM keys WHERE id = ANY($1)"),
        numbered: None,
    },
    Table {
        name: "revocations",
        columns: columns! {
            sequence: Int, key;
            what: Json;
            until: Int;
            audience: Text;
        },
        from: "{db}.revocations",
        make_way: None,
        numbered: None,
    },
    Table {
        name: "audit",
        columns: columns! {
            key: Int, key;
            at: Int;
            what: Text;
            actor: Text;
            user_id: Bytes = "user";
            session: Bytes;
            client: Text;
            address: Text;
            agent: Text;
            detail: Text;
        },
        from: "{db}.audit",
        make_way: None,
        numbered: Some("key"),
    },
    Table {
        name: "ended_sessions",
        columns: columns! {
            id: Bytes, key;
        },
        from: "{db}.ended_sessions",
        make_way: None,
        numbered: None,
    },
    Table {
        name: "spent",
        columns: columns! {
            jti: Text, key;
            since: Int;
            refused_from: Int;
            until: Int;
            audience: Text;
            told: Bool;
        },
        from: "{db}.spent",
        make_way: None,
        numbered: None,
    },
];

impl Table {
    fn keys(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| column.is_key)
    }

    fn names<'a>(columns: impl Iterator<Item = &'a Column>) -> String {
        let names: Vec<_> = columns.map(|column| column.name).collect();
        names.join(", ")
    }

    /// The rows of one database, in the order of their keys.
    pub(super) fn rows(&self, db: &str) -> String {
        // An id sorts as its end does.
        format!(
            "{} ORDER BY {}",
            self.select(db),
            Self::names(self.own_keys())
        )
    }

    fn select(&self, db: &str) -> String {
        let values: Vec<_> = self
            .columns
            .iter()
            .map(|column| format!("{} AS {}", column.value, column.name))
            .collect();
        let select = format!("SELECT {} FROM {}", values.join(", "), self.from);
        select.replace("{db}", db)
    }

    /// The rows of `new` that were not there before, or were others, or may have been.
    pub(super) fn changed(&self, before: Before<'_>, new: &str) -> String {
        let (earlier, matching) = (self.earlier(before), self.matching("o", "n"));
        let now = self.select(new);
        if matches!(before, Before::Written) {
            return format!("SELECT n.* FROM ({earlier}) o CROSS JOIN ({now}) n ON {matching}");
        }
        let same: Vec<_> = self
            .columns
            .iter()
            .map(|column| format!("o.{0} IS n.{0}", column.name))
            .collect();
        format!(
            "SELECT n.* FROM ({now}) n LEFT JOIN ({earlier}) o ON {matching} WHERE NOT ({})",
            same.join(" AND ")
        )
    }

    /// The keys of the rows that are not in `new`, and were there before, or may have been.
    pub(super) fn gone(&self, before: Before<'_>, new: &str) -> String {
        let keys: Vec<_> = self
            .keys()
            .map(|column| format!("o.{}", column.name))
            .collect();
        format!(
            "SELECT {} FROM ({}) o LEFT JOIN ({}) n ON {} WHERE {} IS NULL",
            keys.join(", "),
            self.earlier(before),
            self.select(new),
            self.matching("o", "n"),
            keys.last()
                .map_or_else(String::new, |key| key.replacen('o', "n", 1)),
        )
    }

    fn earlier(&self, before: Before<'_>) -> String {
        match before {
            Before::Copy(old) => self.select(old),
            Before::Written => {
                let keys = self.keys();
                let keys: Vec<_> = keys
                    .map(|key| format!("{} AS {}", key.value, key.name))
                    .collect();
                format!("SELECT {} FROM temp.written_{}", keys.join(", "), self.name)
            }
        }
    }

    /// What names a row in SQLite. An id begins with its end: that is no column of its own there.
    fn own_keys(&self) -> impl Iterator<Item = &Column> {
        self.keys().filter(|column| column.kind != Kind::End)
    }

    /// Triggers that tell `written` of each row that is written: of its table, and its key as a JSON array.
    pub(crate) fn watch(&self) -> String {
        let (name, from) = (self.name, self.from.replace("{db}", "main"));
        let told = |row: &str| {
            let keys = self.own_keys().map(|key| match key.kind {
                Kind::Bytes => format!("hex({row}.{})", key.value),
                _ => format!("{row}.{}", key.value),
            });
            let keys: Vec<_> = keys.collect();
            format!("SELECT written('{name}', json_array({}));", keys.join(", "))
        };
        let events = [
            ("INSERT", told("new")),
            ("UPDATE", told("old") + &told("new")),
            ("DELETE", told("old")),
        ];
        let triggers = events.map(|(event, told)| {
            format!(
                "CREATE TEMP TRIGGER IF NOT EXISTS written_{name}_{event} AFTER {event} ON {from} BEGIN {told} END;"
            )
        });
        triggers.concat()
    }

    /// Where such keys are kept, to be looked up.
    pub(super) fn keys_of_written(&self) -> String {
        let keys: Vec<_> = self.own_keys().map(|key| key.value).collect();
        format!(
            "CREATE TEMP TABLE written_{} ({})",
            self.name,
            keys.join(", ")
        )
    }

    /// Puts one there: `?1`.
    pub(super) fn put_written(&self) -> String {
        let keys = self.own_keys().enumerate();
        let keys: Vec<_> = keys
            .map(|(place, key)| match key.kind {
                Kind::Bytes => format!("unhex(?1 ->> {place})"),
                _ => format!("?1 ->> {place}"),
            })
            .collect();
        format!(
            "INSERT INTO temp.written_{} VALUES ({})",
            self.name,
            keys.join(", ")
        )
    }

    fn matching(&self, one: &str, other: &str) -> String {
        let pairs: Vec<_> = self
            .keys()
            .map(|column| format!("{one}.{0} = {other}.{0}", column.name))
            .collect();
        pairs.join(" AND ")
    }

    /// Puts rows, given as an array for each column, and tells the number and the sum of what is there then.
    pub(super) fn put(&self) -> String {
        let names = Self::names(self.columns.iter());
        let values: Vec<_> = self
            .columns
            .iter()
            .map(|column| column.kind.element(column.name))
            .collect();
        // A row that is nothing but its key is set to itself: one that is left alone would not be counted.
        let only_keys = self.columns.iter().all(|column| column.is_key);
        let rest = self.columns.iter();
        let set: Vec<_> = rest
            .filter(|column| only_keys || !column.is_key)
            .map(|column| format!("{0} = EXCLUDED.{0}", column.name))
            .collect();
        format!(
            "WITH put AS (
                 INSERT INTO {table} AS t ({names}) OVERRIDING SYSTEM VALUE
                 SELECT {values} FROM unnest({arrays}) AS r ({names})
                 ON CONFLICT ({keys}) DO UPDATE SET {set}
                 RETURNING {sum} AS sum
             )
             SELECT count(*), coalesce(sum(sum), 0)::text FROM put",
            table = self.name,
            values = values.join(", "),
            arrays = Self::arrays(self.columns.iter()),
            keys = Self::names(self.keys()),
            set = set.join(", "),
            sum = self.sum(),
        )
    }

    /// Drops rows, given by an array for each column of their key.
    pub(super) fn drop(&self) -> String {
        format!(
            "DELETE FROM {} t USING unnest({}) AS r ({}) WHERE {}",
            self.name,
            Self::arrays(self.keys()),
            Self::names(self.keys()),
            self.matching("t", "r")
        )
    }

    /// The number and the sum of all rows.
    pub(super) fn count_and_sum(&self) -> String {
        format!(
            "SELECT count(*), coalesce(sum({}), 0)::text FROM {} t",
            self.sum(),
            self.name
        )
    }

    fn arrays<'a>(columns: impl Iterator<Item = &'a Column>) -> String {
        let arrays: Vec<_> = columns
            .enumerate()
            .map(|(number, column)| format!("${}::{}[]", number + 1, column.kind.array_of()))
            .collect();
        arrays.join(", ")
    }

    /// What [`super::rows::Rows::sum`] makes of a row, in SQL.
    fn sum(&self) -> String {
        let texts: Vec<_> = self
            .columns
            .iter()
            .map(|column| format!("coalesce({}, E'\\x1e')", column.kind.text(column.name)))
            .collect();
        format!(
            "('x' || encode(substr(sha256(convert_to({}, 'UTF8')), 1, 8), 'hex'))::bit(64)::bigint",
            texts.join(" || E'\\x1f' || ")
        )
    }
}

impl Kind {
    /// What PostgreSQL is given.
    fn array_of(self) -> &'static str {
        match self {
            Self::Int | Self::Bool | Self::End => "bigint",
            Self::Text | Self::Json => "text",
            Self::Bytes => "bytea",
        }
    }

    fn element(self, name: &str) -> String {
        match self {
            Self::Bool => format!("r.{name} <> 0"),
            Self::Json => format!("r.{name}::json"),
            _ => format!("r.{name}"),
        }
    }

    fn text(self, name: &str) -> String {
        match self {
            Self::Text => format!("t.{name}"),
            Self::Bool => format!("t.{name}::integer::text"),
            Self::Bytes => format!("encode(t.{name}, 'hex')"),
            _ => format!("t.{name}::text"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Whoever adds a table or a column to the embedded store says here where it goes.
    #[test]
    fn every_column_is_moved() {
        let db = crate::sqlite::in_memory();
        let mut columns: BTreeMap<String, i64> = BTreeMap::new();
        let mut tables = db
            .prepare(
                "SELECT m.name, count(*) FROM sqlite_schema m, pragma_table_info(m.name)
                 WHERE m.type = 'table' AND m.name NOT IN ('refinery_schema_history', 'moved') GROUP BY m.name",
            )
            .unwrap();
        let mut rows = tables.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            columns.insert(row.get(0).unwrap(), row.get(1).unwrap());
        }
        for table in TABLES {
            db.prepare(&table.rows("main")).unwrap();
            let from = table.from.trim_start_matches("{db}.");
            let there = columns.remove(from).unwrap();
            // A session's own number stays behind: its id names it there.
            let own = i64::from(from == "sessions");
            let ends = |column: &&Column| column.kind == Kind::End;
            let computed = table.columns.iter().filter(ends).count();
            let moved = i64::try_from(table.columns.len() - computed).unwrap();
            assert_eq!(moved, there - own, "{from}");
        }
        assert!(columns.is_empty(), "nobody moves {columns:?}");
    }

    /// No table is sorted, or searched from its beginning for each row. The last part is short however much there is: what
    /// was written is all that is gone through.
    #[test]
    fn rows_are_found_by_their_keys() {
        let db = crate::sqlite::in_memory();
        for table in TABLES {
            db.execute_batch(&table.keys_of_written()).unwrap();
            for (sql, scan) in [
                (table.rows("main"), "SCAN "),
                (table.changed(Before::Copy("main"), "main"), "SCAN "),
                (table.gone(Before::Copy("main"), "main"), "SCAN "),
                (table.changed(Before::Written, "main"), "SCAN temp.written_"),
                (table.gone(Before::Written, "main"), "SCAN temp.written_"),
            ] {
                let mut plan = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
                let steps = plan.query_map([], |row| row.get::<_, String>(3)).unwrap();
                let steps: Vec<String> = steps.collect::<Result<_, _>>().unwrap();
                let scans = steps.iter().filter(|step| step.starts_with("SCAN"));
                let scans: Vec<_> = scans.collect();
                assert_eq!(scans.len(), 1, "{sql}: {steps:?}");
                assert!(scans[0].starts_with(scan), "{sql}: {steps:?}");
                for word in ["TEMP B-TREE", "AUTOMATIC", "MATERIALIZE"] {
                    assert!(
                        !steps.iter().any(|step| step.contains(word)),
                        "{sql}: {steps:?}"
                    );
                }
            }
        }
    }
}
