//! Questions in SQL over the released tables that the caller may fetch, by Arrow Flight SQL.
//!
//! An answer is the broker's word: unlike a released table ([`Client::fetch`]) it has no receipt, since no entry
//! commits to it. What is to be filed is fetched.

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::error::FlightError;
use arrow_flight::sql::{CommandStatementQuery, ProstMessageExt};
use arrow_flight::{FlightDescriptor, FlightInfo};
use futures::{StreamExt, TryStreamExt};
use prost::Message;

use super::error::ClientError;
use super::session::{Client, ask};

const DOING: &str = "run the statement";

/// The answer to a statement, on its way.
#[derive(Debug)]
pub struct SqlRows {
    client: Client,
    schema: SchemaRef,
    rows: FlightRecordBatchStream,
}

impl SqlRows {
    /// Its columns.
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Some more of its rows; `None` after the last.
    ///
    /// # Errors
    /// As the broker says: a statement can take too much time, memory or rows on its way.
    pub async fn next(&mut self) -> Option<Result<RecordBatch, ClientError>> {
        let batch = self.rows.next().await?;
        Some(batch.map_err(|error| broken(&self.client, error)))
    }
}

impl Client {
    /// Runs one statement, which can read and nothing else. A table is `table`, where one agreement has it, or
    /// `agreement_<first 12 digits>.table`; `releases` lists them all. Free: what is released is released.
    ///
    /// # Errors
    /// As the broker says, for a statement that is wrong or asks for too much.
    pub async fn sql(&self, statement: &str) -> Result<SqlRows, ClientError> {
        let command = CommandStatementQuery {
            query: statement.to_owned(),
            transaction_id: None,
        };
        let descriptor = FlightDescriptor::new_cmd(command.as_any().encode_to_vec());
        let mut flights = self.flight_service();
        let info = flights.get_flight_info(ask(descriptor)).await;
        let info: FlightInfo = info.map_err(|s| self.failed(DOING, &s))?.into_inner();
        let ticket = info.endpoint.first().and_then(|end| end.ticket.clone());
        let differs = |what| ClientError::Mismatch { doing: DOING, what };
        let ticket = ticket.ok_or_else(|| differs("a place without a ticket"))?;
        let schema: Schema = info
            .try_decode_schema()
            .map_err(|_| differs("columns that cannot be read"))?;
        let rows = flights.do_get(ticket).await;
        let rows = rows.map_err(|s| self.failed(DOING, &s))?.into_inner();
        let rows = FlightRecordBatchStream::new_from_flight_data(rows.map_err(FlightError::from));
        Ok(SqlRows {
            client: self.clone(),
            schema: schema.into(),
            rows,
        })
    }
}

fn broken(client: &Client, error: FlightError) -> ClientError {
    match error {
        FlightError::Tonic(status) => client.failed(DOING, &status),
        _ => ClientError::Mismatch {
            doing: DOING,
            what: "rows that cannot be read",
        },
    }
}
