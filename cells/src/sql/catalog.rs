//! The caller's tables as DataFusion's catalog: read-only, and loaded when a statement reads them.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{
    CatalogProvider, CatalogProviderList, MemTable, SchemaProvider, Session, TableProvider,
};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use tokio::sync::OnceCell;

use super::error::SqlError;
use super::{CATALOG, Loaded, Tables};

/// The one catalog there is.
#[derive(Debug)]
pub(super) struct Catalogs(Arc<Catalog>);

impl Catalogs {
    pub(super) fn of(catalog: Catalog) -> Self {
        Self(Arc::new(catalog))
    }
}

impl CatalogProviderList for Catalogs {
    fn register_catalog(
        &self,
        _name: String,
        _catalog: Arc<dyn CatalogProvider>,
    ) -> Option<Arc<dyn CatalogProvider>> {
        None
    }

    fn catalog_names(&self) -> Vec<String> {
        vec![CATALOG.into()]
    }

    fn catalog(&self, name: &str) -> Option<Arc<dyn CatalogProvider>> {
        (name == CATALOG).then(|| Arc::clone(&self.0) as _)
    }
}

/// One caller's schemas, for one statement.
#[derive(Debug)]
pub(super) struct Catalog {
    shared: Arc<Shared>,
}

struct Shared {
    tables: Arc<dyn Tables>,
    /// Bytes that may still be read.
    left: AtomicUsize,
    limit: usize,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl Catalog {
    pub(super) fn new(tables: Arc<dyn Tables>, read_bytes: usize) -> Self {
        let shared = Shared {
            tables,
            left: AtomicUsize::new(read_bytes),
            limit: read_bytes,
        };
        Self {
            shared: Arc::new(shared),
        }
    }
}

impl CatalogProvider for Catalog {
    fn schema_names(&self) -> Vec<String> {
        self.shared.tables.schemas()
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        let known = self
            .shared
            .tables
            .schemas()
            .iter()
            .any(|known| known == name);
        let schema = || Schema {
            name: name.into(),
            shared: Arc::clone(&self.shared),
        };
        known.then(|| Arc::new(schema()) as _)
    }
}

#[derive(Debug)]
struct Schema {
    name: String,
    shared: Arc<Shared>,
}

#[async_trait]
impl SchemaProvider for Schema {
    fn table_names(&self) -> Vec<String> {
        self.shared.tables.tables(&self.name)
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let columns = self.shared.tables.columns(&self.name, name)?;
        let table = |columns| Table {
            columns,
            schema: self.name.clone(),
            name: name.into(),
            shared: Arc::clone(&self.shared),
            rows: OnceCell::new(),
        };
        Ok(columns.map(|columns| Arc::new(table(columns)) as _))
    }

    async fn table_type(&self, name: &str) -> Result<Option<TableType>> {
        Ok(self.table_exist(name).then_some(TableType::Base))
    }

    fn table_exist(&self, name: &str) -> bool {
        self.table_names().iter().any(|known| known == name)
    }
}

/// A table, loaded once it is read: to name its columns takes no rows.
#[derive(Debug)]
struct Table {
    columns: SchemaRef,
    schema: String,
    name: String,
    shared: Arc<Shared>,
    rows: OnceCell<MemTable>,
}

impl Table {
    async fn load(&self) -> Result<MemTable> {
        let loaded = self.shared.tables.load(&self.schema, &self.name).await?;
        let Loaded { schema, batches } = loaded.ok_or_else(|| SqlError::Tables {
            why: "a table that has columns has no rows".into(),
        })?;
        self.shared
            .take(batches.iter().map(|b| b.get_array_memory_size()).sum())?;
        MemTable::try_new(schema, vec![batches])
    }
}

#[async_trait]
impl TableProvider for Table {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.columns)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let rows = self.rows.get_or_try_init(|| self.load()).await?;
        rows.scan(session, projection, filters, limit).await
    }
}

impl Shared {
    fn take(&self, bytes: usize) -> std::result::Result<(), SqlError> {
        let less = |left: usize| left.checked_sub(bytes);
        let taken = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        taken
            .map(|_| ())
            .map_err(|_| SqlError::Read { limit: self.limit })
    }
}
