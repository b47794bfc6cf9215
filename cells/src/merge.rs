//! Which row of a coarser table does each cell fall into?
//!
//! Rows are numbered as they are met, over all periods of a merge, so that the numbers of one period fit
//! those of the next. Their keys have the table's own key columns: a zone's parent's id or [`ALL`], the
//! first of the table's bins in the coarse one, a category or [`ALL`].

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, DictionaryArray, Int32Array, RecordBatch, StringArray, UInt8Array,
};
use arrow::datatypes::{Int32Type, Schema, UInt8Type};
use policies::coarse::{ALL, Coarsening, Zones};
use policies::kind::DimensionKind;
use policies::table::Table;
use proto::columns::key_fields;

#[cfg(test)]
mod tests;

/// The parent of every zone, by zone id.
pub type Parents = BTreeMap<String, String>;

/// Why cells have no row. Cells that were checked on their way in have one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// Key columns of another table.
    #[error("the keys are not those of the table")]
    Keys,
    /// A zone that the zoning gives no parent.
    #[error("a zone has no parent in the zoning")]
    Parent,
    /// A bin that the table does not have.
    #[error("a bin is none of the table's")]
    Bin,
}

/// The rows met so far.
pub struct Rows {
    table: Table,
    columns: Vec<Column>,
    number_of: HashMap<Vec<u32>, usize>,
    /// The codes of each row's key, row after row.
    met: Vec<u32>,
}

/// What becomes of one key column, and the texts it has so far.
struct Column {
    becomes: Becomes,
    texts: Vec<String>,
    code_of: HashMap<String, u32>,
}

enum Becomes {
    /// Its own text.
    Same,
    /// The zone's parent.
    Parent(Arc<Parents>),
    /// [`ALL`].
    All,
    /// For each bin of the table, the first one that falls into the same coarse bin.
    Bins(Vec<u8>),
}

impl Rows {
    /// No rows yet. `parents` is asked only where zones become their parents.
    #[must_use]
    pub fn new(table: &Table, coarsening: &Coarsening, parents: Parents) -> Self {
        let parents = Arc::new(parents);
        let dimensions = table.kind().map(|kind| kind.dimensions.as_slice());
        let columns = dimensions.unwrap_or_default().iter().map(|dimension| {
            let becomes = match (dimension.kind, coarsening.zones) {
                (DimensionKind::DayBin, _) => {
                    let bins =
                        (0..table.bins.count()).map_while(|b| coarsening.first_bin(table, b));
                    Becomes::Bins(bins.collect())
                }
                (DimensionKind::Zone, Zones::Parent) => Becomes::Parent(Arc::clone(&parents)),
                (DimensionKind::Zone, Zones::All) => Becomes::All,
                (DimensionKind::Category, _) if coarsening.drops(dimension) => Becomes::All,
                (DimensionKind::Zone | DimensionKind::Category, _) => Becomes::Same,
            };
            Column {
                becomes,
                texts: Vec::new(),
                code_of: HashMap::new(),
            }
        });
        Self {
            columns: columns.collect(),
            table: table.clone(),
            number_of: HashMap::new(),
            met: Vec::new(),
        }
    }

    /// The row of each cell, in the order of the cells.
    ///
    /// # Errors
    /// [`MergeError`] where a key is none of the table's.
    pub fn of(&mut self, keys: &RecordBatch) -> Result<Vec<usize>, MergeError> {
        if keys.num_columns() != self.columns.len() {
            return Err(MergeError::Keys);
        }
        let codes = std::iter::zip(&mut self.columns, keys.columns());
        let codes: Vec<Vec<u32>> = codes.map(|(c, a)| c.codes(a)).collect::<Result<_, _>>()?;
        let (mut key, mut before) = (Vec::with_capacity(codes.len()), Vec::new());
        let mut row = 0;
        let mut rows = Vec::with_capacity(keys.num_rows());
        for cell in 0..keys.num_rows() {
            key.clear();
            key.extend(codes.iter().filter_map(|column| column.get(cell)));
            // Cells come sorted, so that those of one row often come together.
            if key != before || cell == 0 {
                row = self.number(&key);
                std::mem::swap(&mut key, &mut before);
            }
            rows.push(row);
        }
        Ok(rows)
    }

    fn number(&mut self, key: &[u32]) -> usize {
        if let Some(row) = self.number_of.get(key) {
            return *row;
        }
        let row = self.number_of.len();
        self.number_of.insert(key.to_vec(), row);
        self.met.extend_from_slice(key);
        row
    }

    /// The keys of all rows, sorted, and the number of the row of each key.
    ///
    /// # Errors
    /// [`MergeError::Keys`] where the columns are not those of the table.
    pub fn finish(self) -> Result<(RecordBatch, Vec<usize>), MergeError> {
        let width = self.columns.len().max(1);
        // Codes are numbered as they are met; ranks are in the order of the texts.
        let ranks: Vec<Vec<u32>> = self.columns.iter().map(Column::ranks).collect();
        let ranked = std::iter::zip(ranks.iter().cycle(), &self.met);
        let ranked = ranked.map(|(ranks, code)| ranks.get(*code as usize).copied());
        let ranked = ranked.collect::<Option<Vec<_>>>().ok_or(MergeError::Keys)?;
        let mut rows: Vec<_> = ranked.chunks_exact(width).enumerate().collect();
        rows.sort_unstable_by_key(|(_, key)| *key);
        let order: Vec<usize> = rows.iter().map(|(row, _)| *row).collect();
        let arrays = self.columns.into_iter().enumerate().map(|(n, column)| {
            let code = |row: &usize| self.met.get(row * width + n).copied();
            let codes = order.iter().map(code);
            column.array(codes.collect::<Option<Vec<_>>>()?)
        });
        let arrays = arrays.collect::<Option<Vec<_>>>().ok_or(MergeError::Keys)?;
        let schema = Arc::new(Schema::new(key_fields(&self.table)));
        let keys = RecordBatch::try_new(schema, arrays).map_err(|_| MergeError::Keys)?;
        Ok((keys, order))
    }
}

impl Column {
    /// What each value of the column becomes: a bin, or the code of a text.
    fn codes(&mut self, array: &ArrayRef) -> Result<Vec<u32>, MergeError> {
        if array.logical_null_count() > 0 {
            return Err(MergeError::Keys);
        }
        if let Becomes::Bins(first) = &self.becomes {
            let bins = array.as_primitive_opt::<UInt8Type>();
            let bins = bins.ok_or(MergeError::Keys)?.values().iter();
            let code = |bin: &u8| first.get(usize::from(*bin)).copied().map(u32::from);
            return bins.map(|bin| code(bin).ok_or(MergeError::Bin)).collect();
        }
        let dictionary: Option<&DictionaryArray<Int32Type>> = array.as_any().downcast_ref();
        let dictionary = dictionary.ok_or(MergeError::Keys)?;
        let texts = dictionary.values().as_string_opt::<i32>();
        let texts = texts.ok_or(MergeError::Keys)?;
        // A dictionary may hold texts that no row has: they get no code.
        let mut own: Vec<Option<u32>> = vec![None; texts.len()];
        let mut codes = Vec::with_capacity(dictionary.len());
        for place in dictionary.keys().values() {
            let place = usize::try_from(*place).map_err(|_| MergeError::Keys)?;
            let held = own.get_mut(place).ok_or(MergeError::Keys)?;
            codes.push(match held {
                Some(code) => *code,
                None => *held.insert(self.code(texts.value(place))?),
            });
        }
        Ok(codes)
    }

    fn code(&mut self, text: &str) -> Result<u32, MergeError> {
        let becomes = match &self.becomes {
            Becomes::Same | Becomes::Bins(_) => text,
            Becomes::Parent(parents) => parents.get(text).ok_or(MergeError::Parent)?,
            Becomes::All => ALL,
        };
        if let Some(code) = self.code_of.get(becomes) {
            return Ok(*code);
        }
        let code = u32::try_from(self.texts.len()).map_err(|_| MergeError::Keys)?;
        self.code_of.insert(becomes.to_owned(), code);
        self.texts.push(becomes.to_owned());
        Ok(code)
    }

    /// For each code its place in the order of the values.
    fn ranks(&self) -> Vec<u32> {
        if let Becomes::Bins(first) = &self.becomes {
            return (0..first.len() as u32).collect();
        }
        let mut sorted: Vec<&String> = self.texts.iter().collect();
        sorted.sort_unstable();
        let rank = |text| sorted.binary_search(&text).unwrap_or_default() as u32;
        self.texts.iter().map(rank).collect()
    }

    fn array(self, codes: Vec<u32>) -> Option<ArrayRef> {
        if let Becomes::Bins(_) = self.becomes {
            let bins = codes.into_iter().map(|bin| u8::try_from(bin).ok());
            return Some(Arc::new(UInt8Array::from(
                bins.collect::<Option<Vec<_>>>()?,
            )));
        }
        let codes = codes.into_iter().map(|code| i32::try_from(code).ok());
        let codes = Int32Array::from(codes.collect::<Option<Vec<_>>>()?);
        let texts = Arc::new(StringArray::from(self.texts));
        let array = DictionaryArray::<Int32Type>::try_new(codes, texts).ok()?;
        Some(Arc::new(array))
    }
}
