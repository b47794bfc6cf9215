//! Where a table's columns are, and a cell's key as one number whose order is the order of the key.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, DictionaryArray, Int32Array, PrimitiveArray, RecordBatch, StringArray,
};
use arrow::datatypes::{
    ArrowPrimitiveType, Int32Type, Int64Type, SchemaRef, UInt8Type, UInt64Type,
};
use policies::agreement::Unit;
use policies::kind::{DimensionKind, MeasureKind};
use policies::table::{Histogram, Table};

use super::fault::{CheckError, Fault, SetupError};
use super::range::{Count, Numbers, Sum};

/// Column numbers of one table.
#[derive(Debug)]
pub(super) struct Layout {
    pub schema: SchemaRef,
    axes: Vec<Axis>,
    contributors: Option<usize>,
    counts: Vec<Place>,
    sums: Vec<(Place, u32, u32)>,
    /// Columns of each histogram's bins.
    histograms: Vec<Vec<usize>>,
}

#[derive(Debug)]
struct Place {
    column: usize,
    events: bool,
}

/// The values of one dimension.
#[derive(Debug)]
enum Axis {
    /// Zones or categories.
    Texts {
        /// Sorted, each once.
        known: Arc<[String]>,
        /// The same as a dictionary.
        own: ArrayRef,
        /// What any other text is.
        unknown: Fault,
    },
    Bins(u8),
}

/// A key that is not in the public domain.
#[derive(Debug)]
pub(super) struct Miss {
    pub row: usize,
    pub column: String,
    pub fault: Fault,
}

impl Layout {
    pub fn new(table: &Table, unit: Unit, zones: &Arc<[String]>) -> Result<Self, SetupError> {
        let unusable = || SetupError::Table {
            table: table.name.to_string(),
        };
        if !zones.is_sorted_by(|a, b| a < b) {
            return Err(SetupError::Zones {
                zoning: table.zoning.to_string(),
            });
        }
        let kind = table.kind().ok_or_else(unusable)?;
        let mut axes = Vec::with_capacity(kind.dimensions.len());
        for dimension in &kind.dimensions {
            axes.push(match dimension.kind {
                DimensionKind::Zone => Axis::texts(Arc::clone(zones), Fault::Zone),
                DimensionKind::DayBin => Axis::Bins(table.bins.count()),
                DimensionKind::Category => {
                    let axis = table.axis(&dimension.name).ok_or_else(unusable)?;
                    let mut values: Vec<String> =
                        axis.values.iter().map(ToString::to_string).collect();
                    values.sort_unstable();
                    values.dedup();
                    Axis::texts(values.into(), Fault::Category)
                }
            });
        }
        let domain = axes
            .iter()
            .try_fold(1_u64, |size, axis| size.checked_mul(axis.size()));
        domain.ok_or_else(|| SetupError::Domain {
            table: table.name.to_string(),
        })?;
        let schema = proto::columns::cells_schema(table, unit);
        let (mut counts, mut sums) = (Vec::new(), Vec::new());
        for measure in &kind.measures {
            let Ok(column) = schema.index_of(&measure.name) else {
                continue; // `contributors` by another name, or a sum without a clamp
            };
            match (measure.kind, table.clamp(&measure.name)) {
                (MeasureKind::Units, _) => counts.push(Place {
                    column,
                    events: false,
                }),
                (MeasureKind::Count, _) => counts.push(Place {
                    column,
                    events: true,
                }),
                (MeasureKind::Sum, Some(clamp)) => {
                    sums.push((
                        Place {
                            column,
                            events: false,
                        },
                        clamp.min,
                        clamp.max,
                    ));
                }
                (MeasureKind::Sum, None) => return Err(unusable()),
            }
        }
        let contributors = schema.index_of(proto::columns::CONTRIBUTORS).ok();
        let bins = |h: &Histogram| h.columns().map(|name| schema.index_of(&name)).collect();
        let histograms: Result<_, _> = table.histograms.iter().map(bins).collect();
        let histograms = histograms.map_err(|_| unusable())?;
        if !table.histograms.is_empty() && !counts.iter().any(|count| count.events) {
            return Err(unusable());
        }
        Ok(Self {
            schema,
            axes,
            contributors,
            counts,
            sums,
            histograms,
        })
    }

    pub fn key_columns(&self) -> usize {
        self.axes.len()
    }

    /// Names, types and nullability as ours; metadata is not looked at and not kept.
    pub fn check_schema(&self, batch: &RecordBatch) -> Result<(), CheckError> {
        let given = batch.schema();
        for (n, ours) in self.schema.fields().iter().enumerate() {
            let same = given.fields().get(n).is_some_and(|theirs| {
                theirs.name() == ours.name()
                    && theirs.data_type() == ours.data_type()
                    && theirs.is_nullable() == ours.is_nullable()
            });
            // The data itself, for a schema can lie.
            let typed = batch
                .columns()
                .get(n)
                .is_some_and(|c| c.data_type() == ours.data_type());
            if !same || !typed {
                return Err(CheckError::column(ours.name(), Fault::Schema));
            }
        }
        if given.fields().len() != self.schema.fields().len() {
            return Err(CheckError::whole(Fault::Schema));
        }
        Ok(())
    }

    pub fn check_dictionaries(&self, batch: &RecordBatch, max: usize) -> Result<(), CheckError> {
        for (column, field) in batch.columns().iter().zip(self.schema.fields()) {
            let dictionary = column.as_any_dictionary_opt();
            if dictionary.is_some_and(|dictionary| dictionary.values().len() > max) {
                return Err(CheckError::column(field.name(), Fault::Dictionary { max }));
            }
        }
        Ok(())
    }

    /// Each row's key in mixed radix, whose order is the order of the key columns; and the key
    /// columns anew, over our own dictionaries.
    pub fn keys(&self, batch: &RecordBatch) -> Result<(Vec<u64>, Vec<ArrayRef>), Miss> {
        let mut keys = vec![0_u64; batch.num_rows()];
        let mut own = Vec::with_capacity(self.axes.len());
        let columns = batch.columns().iter().zip(self.schema.fields());
        for (axis, (column, field)) in self.axes.iter().zip(columns) {
            let miss = |(row, fault)| Miss {
                row,
                column: field.name().clone(),
                fault,
            };
            own.push(axis.pack_into(column, &mut keys).map_err(miss)?);
        }
        Ok((keys, own))
    }

    /// The number columns.
    pub fn numbers<'a>(&'a self, batch: &'a RecordBatch) -> Result<Numbers<'a>, CheckError> {
        let contributors = match self.contributors {
            Some(column) => Some(self.count(batch, column, false)?),
            None => None,
        };
        let counts = self
            .counts
            .iter()
            .map(|p| self.count(batch, p.column, p.events));
        let sums = self.sums.iter().map(|(place, min, max)| {
            let values = self.slice::<Int64Type>(batch, place.column)?;
            let name = self.schema.field(place.column).name();
            Ok(Sum {
                name,
                values,
                min: *min,
                max: *max,
            })
        });
        let histograms = self.histograms.iter().map(|bins| {
            let bins = bins.iter().map(|column| self.count(batch, *column, true));
            bins.collect::<Result<Vec<_>, _>>()
        });
        Ok(Numbers {
            histograms: histograms.collect::<Result<_, CheckError>>()?,
            contributors,
            counts: counts.collect::<Result<_, CheckError>>()?,
            sums: sums.collect::<Result<_, CheckError>>()?,
        })
    }

    fn count<'a>(
        &'a self,
        batch: &'a RecordBatch,
        column: usize,
        events: bool,
    ) -> Result<Count<'a>, CheckError> {
        let values = self.slice::<UInt64Type>(batch, column)?;
        Ok(Count {
            name: self.schema.field(column).name(),
            values,
            events,
        })
    }

    fn slice<'a, T: ArrowPrimitiveType>(
        &self,
        batch: &'a RecordBatch,
        column: usize,
    ) -> Result<&'a [T::Native], CheckError> {
        let array = batch.columns().get(column);
        let array = array.and_then(|array| array.as_any().downcast_ref::<PrimitiveArray<T>>());
        array
            .map(|array| array.values().as_ref())
            .ok_or_else(|| CheckError::whole(Fault::Schema))
    }
}

impl Axis {
    fn texts(known: Arc<[String]>, unknown: Fault) -> Self {
        let own: StringArray = known.iter().map(|text| Some(text.as_str())).collect();
        Self::Texts {
            known,
            own: Arc::new(own),
            unknown,
        }
    }

    fn size(&self) -> u64 {
        match self {
            Self::Texts { known, .. } => known.len() as u64,
            Self::Bins(count) => u64::from(*count),
        }
    }

    /// Appends this column's digit to each key and gives the column over our own dictionary; the
    /// first row outside the axis is the error.
    fn pack_into(&self, column: &ArrayRef, keys: &mut [u64]) -> Result<ArrayRef, (usize, Fault)> {
        let bins = match self {
            Self::Texts {
                known,
                own,
                unknown,
            } => {
                return pack_texts(known, own, *unknown, column.as_ref(), keys);
            }
            Self::Bins(count) => count,
        };
        let array = column.as_primitive_opt::<UInt8Type>();
        let array = array.ok_or((0, Fault::Schema))?;
        for (row, (key, bin)) in keys.iter_mut().zip(array.values()).enumerate() {
            if bin >= bins {
                return Err((row, Fault::Bin { count: *bins }));
            }
            *key = *key * u64::from(*bins) + u64::from(*bin);
        }
        Ok(Arc::clone(column))
    }
}

fn pack_texts(
    known: &[String],
    own: &ArrayRef,
    unknown: Fault,
    column: &dyn Array,
    keys: &mut [u64],
) -> Result<ArrayRef, (usize, Fault)> {
    let dictionary: Option<&DictionaryArray<Int32Type>> = column.as_any().downcast_ref();
    let dictionary = dictionary.ok_or((0, Fault::Schema))?;
    let texts = dictionary.values().as_string_opt::<i32>();
    let texts = texts.ok_or((0, Fault::Schema))?;
    let place = |text: Option<&str>| {
        let place = known
            .binary_search_by(|id| Some(id.as_str()).cmp(&text))
            .ok()?;
        i32::try_from(place).ok()
    };
    let places: Vec<Option<i32>> = texts.iter().map(place).collect();
    let mut codes = Vec::with_capacity(keys.len());
    for (row, (key, code)) in keys.iter_mut().zip(dictionary.keys().values()).enumerate() {
        let place = usize::try_from(*code)
            .ok()
            .and_then(|code| places.get(code));
        match place {
            None => return Err((row, Fault::DictionaryKey)),
            Some(None) => return Err((row, unknown)),
            Some(Some(place)) => {
                *key = *key * known.len() as u64 + u64::from(place.unsigned_abs());
                codes.push(*place);
            }
        }
    }
    let array = DictionaryArray::<Int32Type>::try_new(Int32Array::from(codes), Arc::clone(own));
    Ok(Arc::new(array.map_err(|_| (0, Fault::DictionaryKey))?))
}
