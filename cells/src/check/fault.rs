//! What can be wrong with contributed cells. No variant holds a value that was contributed.

use std::fmt;

/// Why cells are refused: the first fault, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckError {
    /// What is wrong.
    pub fault: Fault,
    /// The cell, counted over all batches, from 0.
    pub row: Option<u64>,
    /// The column.
    pub column: Option<String>,
}

/// Why there is no checker.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// A valid agreement has a known kind for each table, and values for each category dimension.
    #[error("table `{table}` is of an unknown kind, or lacks values for a category dimension")]
    Table {
        /// The table.
        table: String,
    },
    /// Zone ids have to be sorted, each once.
    #[error("the zone ids of `{zoning}` are not sorted, or one is there twice")]
    Zones {
        /// The zoning.
        zoning: String,
    },
    /// The public domain has 2⁶⁴ keys or more.
    #[error("table `{table}` has too many keys in its public domain")]
    Domain {
        /// The table.
        table: String,
    },
}

macro_rules! faults {
    ($(
        $(#[$doc:meta])*
        $variant:ident $({ $($field:ident: $type:ty),* })? => $id:literal, $text:literal,
    )*) => {
        /// What is wrong. The numbers in it are limits, never what was contributed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
        pub enum Fault {
            $(
                $(#[$doc])*
                #[error($text)]
                $variant $({
                    $(
                        /// The limit.
                        $field: $type,
                    )*
                })?,
            )*
        }

        impl Fault {
            /// Stable word for metrics, statuses and documents.
            #[must_use]
            pub fn id(&self) -> &'static str {
                match self {
                    $(Self::$variant { .. } => $id,)*
                }
            }
        }
    };
}

faults! {
    /// Other columns than the table implies.
    Schema => "cells.schema",
        "not as the table implies: compare name, type and nullability with the agreement's table",
    /// A column or dictionary value is null.
    Null => "cells.null", "is null: no column may be",
    /// More cells than one contribution may hold.
    Rows { max: u64 } => "cells.too_many_rows", "over {max} cells in one contribution",
    /// More bytes than one contribution may hold.
    Bytes { max: u64 } => "cells.too_many_bytes", "over {max} bytes in one contribution",
    /// A dictionary with more values than allowed.
    Dictionary { max: usize } => "cells.dictionary",
        "a dictionary has over {max} values: send only values that occur",
    /// A dictionary key without a value.
    DictionaryKey => "cells.dictionary_key", "a dictionary key has no value",
    /// The zoning has no such zone.
    Zone => "cells.unknown_zone", "the zoning has no such zone: ids are text, leading zeros count",
    /// The table has no such category.
    Category => "cells.unknown_category", "the table has no such category",
    /// The table has no such day bin.
    Bin { count: u8 } => "cells.bin", "the table has {count} day bins, counted from 0",
    /// Not sorted by key.
    Order => "cells.not_sorted",
        "below the cell before it: sort by the key columns in order, ids as UTF-8 bytes",
    /// The same key twice.
    Duplicate => "cells.duplicate", "has the key of the cell before it: a key may occur once",
    /// Contributors of zero, or beyond all use.
    Contributors { max: u64 } => "cells.contributors", "outside 1 to {max}: drop cells of nobody",
    /// Beyond all use.
    Value { max: u64 } => "cells.value", "outside 0 to {max}",
    /// Fewer events than contributors, or more than each may add.
    Events { per_cell_max: u32 } => "cells.per_cell_max",
        "outside contributors to {per_cell_max} times contributors, the table's per_cell_max",
    /// A sum that clamped events cannot make.
    Sum { min: u32, max: u32 } => "cells.clamp",
        "not a sum of values clamped to {min} to {max}",
    /// The centred sum (privacy.md section 4d) of so many events is beyond all use.
    Large { max: u32 } => "cells.large_sum",
        "of more events, of up to {max} each, than noise can be added to",
    /// The bins of a histogram count other events than the cell.
    Bins => "cells.bins", "the bins do not add up to the cell's events",
    /// Contributors add up to more than the active units can make: those declared, else all of the agreement's.
    ActiveUnits => "cells.active_units",
        "contributors add up to more than cells_max times the active units, declared or else allowed",
}

impl CheckError {
    pub(super) fn whole(fault: Fault) -> Self {
        Self {
            fault,
            row: None,
            column: None,
        }
    }

    pub(super) fn column(column: &str, fault: Fault) -> Self {
        Self {
            fault,
            row: None,
            column: Some(column.to_owned()),
        }
    }
}

impl fmt::Display for CheckError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { fault, row, column } = self;
        match (row, column) {
            (Some(row), Some(column)) => write!(f, "row {row}, column `{column}`: {fault}"),
            (Some(row), None) => write!(f, "row {row}: {fault}"),
            (None, Some(column)) => write!(f, "column `{column}`: {fault}"),
            (None, None) => write!(f, "cells: {fault}"),
        }
    }
}

impl std::error::Error for CheckError {}
