//! Where a table's columns are, and a cell's key as one number whose order is the order of the key.

use std::sync::Arc;

use arrow::array::{Array, AsArray, DictionaryArray, PrimitiveArray, RecordBatch};
use arrow::datatypes::{
    ArrowPrimitiveType, Int32Type, Int64Type, SchemaRef, UInt8Type, UInt64Type,
};
use policies::agreement::Unit;
use policies::kind::{DimensionKind, MeasureKind};
use policies::table::Table;

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
}

#[derive(Debug)]
struct Place {
    column: usize,
    events: bool,
}

/// The values of one dimension.
#[derive(Debug)]
enum Axis {
    Zones(Arc<[String]>),
    Categories(Arc<[String]>),
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
                DimensionKind::Zone => Axis::Zones(Arc::clone(zones)),
                DimensionKind::DayBin => Axis::Bins(table.bins.count()),
                DimensionKind::Category => {
                    let axis = table.axis(&dimension.name).ok_or_else(unusable)?;
                    let mut values: Vec<String> =
                        axis.values.iter().map(ToString::to_string).collect();
                    values.sort_unstable();
                    Axis::Categories(values.into())
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
        Ok(Self {
            schema,
            axes,
            contributors,
            counts,
            sums,
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

    /// Each row's key in mixed radix: its order is the order of the key columns.
    pub fn pack(&self, batch: &RecordBatch) -> Result<Vec<u64>, Miss> {
        let mut keys = vec![0_u64; batch.num_rows()];
        let columns = batch.columns().iter().zip(self.schema.fields());
        for (axis, (column, field)) in self.axes.iter().zip(columns) {
            let miss = |(row, fault)| Miss {
                row,
                column: field.name().clone(),
                fault,
            };
            axis.pack_into(column.as_ref(), &mut keys).map_err(miss)?;
        }
        Ok(keys)
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
        Ok(Numbers {
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
    fn size(&self) -> u64 {
        match self {
            Self::Zones(ids) | Self::Categories(ids) => ids.len() as u64,
            Self::Bins(count) => u64::from(*count),
        }
    }

    /// Appends this column's digit to each key; the first row outside the axis is the error.
    fn pack_into(&self, column: &dyn Array, keys: &mut [u64]) -> Result<(), (usize, Fault)> {
        match self {
            Self::Zones(ids) => self.pack_texts(ids, Fault::Zone, column, keys),
            Self::Categories(values) => self.pack_texts(values, Fault::Category, column, keys),
            Self::Bins(count) => {
                let bins = column
                    .as_primitive_opt::<UInt8Type>()
                    .ok_or((0, Fault::Schema))?;
                for (row, (key, bin)) in keys.iter_mut().zip(bins.values()).enumerate() {
                    if bin >= count {
                        return Err((row, Fault::Bin { count: *count }));
                    }
                    *key = *key * self.size() + u64::from(*bin);
                }
                Ok(())
            }
        }
    }

    fn pack_texts(
        &self,
        known: &[String],
        unknown: Fault,
        column: &dyn Array,
        keys: &mut [u64],
    ) -> Result<(), (usize, Fault)> {
        let dictionary: Option<&DictionaryArray<Int32Type>> = column.as_any().downcast_ref();
        let dictionary = dictionary.ok_or((0, Fault::Schema))?;
        let texts = dictionary
            .values()
            .as_string_opt::<i32>()
            .ok_or((0, Fault::Schema))?;
        let place = |text: Option<&str>| {
            known
                .binary_search_by(|id| Some(id.as_str()).cmp(&text))
                .ok()
        };
        let places: Vec<Option<usize>> = texts.iter().map(place).collect();
        let codes = dictionary.keys().values();
        for (row, (key, code)) in keys.iter_mut().zip(codes).enumerate() {
            let place = usize::try_from(*code)
                .ok()
                .and_then(|code| places.get(code));
            match place {
                None => return Err((row, Fault::DictionaryKey)),
                Some(None) => return Err((row, unknown)),
                Some(Some(place)) => *key = *key * self.size() + *place as u64,
            }
        }
        Ok(())
    }
}
