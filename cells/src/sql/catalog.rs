//! The caller's tables as DataFusion's catalog: read-only, and loaded when a statement names them.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use datafusion::catalog::{
    CatalogProvider, CatalogProviderList, MemTable, SchemaProvider, TableProvider,
};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::TableType;

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
        let loaded = self.shared.tables.load(&self.name, name).await;
        let Some(Loaded { schema, batches }) = loaded.map_err(external)? else {
            return Ok(None);
        };
        let bytes = batches.iter().map(|b| b.get_array_memory_size()).sum();
        self.shared.take(bytes).map_err(external)?;
        Ok(Some(Arc::new(MemTable::try_new(schema, vec![batches])?)))
    }

    async fn table_type(&self, name: &str) -> Result<Option<TableType>> {
        Ok(self.table_exist(name).then_some(TableType::Base))
    }

    fn table_exist(&self, name: &str) -> bool {
        self.table_names().iter().any(|known| known == name)
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

fn external(error: SqlError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}
