//! Arrow Flight SQL, which ADBC, JDBC and ODBC drivers speak: statements over the caller's released tables, and
//! what a driver asks about them. Statements read, and nothing else (`cells::sql`).
//!
//! Nothing is kept between two calls: a ticket, and the handle of a prepared statement, is the statement itself,
//! which is understood and authorised anew whenever it is used.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::writer::IpcWriteOptions;
use arrow_flight::encode::{DictionaryHandling, FlightDataEncoderBuilder};
use arrow_flight::error::FlightError;
use arrow_flight::sql::metadata::{SqlInfoData, SqlInfoDataBuilder};
use arrow_flight::sql::{
    ActionClosePreparedStatementRequest, ActionCreatePreparedStatementRequest,
    ActionCreatePreparedStatementResult, Any, Command, CommandGetTables, ProstMessageExt, SqlInfo,
    TicketStatementQuery,
};
use arrow_flight::{
    Action, ActionType, FlightData, FlightDescriptor, FlightEndpoint, FlightInfo, IpcMessage,
    SchemaAsIpc, Ticket,
};
use bytes::Bytes;
use cells::sql::{CATALOG, Tables};
use futures::{Stream, StreamExt, stream};
use policies::id::OrgId;
use prost::Message;
use tonic::Status;

use super::reader::Parts;
use crate::error::Error;
use crate::flow::Broker;
use crate::flow::sql::told;

const COMMANDS: &str = "type.googleapis.com/arrow.flight.protocol.sql.";
const PREPARE: &str = "CreatePreparedStatement";
const CLOSE: &str = "ClosePreparedStatement";
/// The one type of tables there is.
const TABLE: &str = "TABLE";

/// The command in a descriptor or ticket; `None` where it is something else than Flight SQL.
///
/// # Errors
/// `INVALID_ARGUMENT` for a command that cannot be read.
pub(super) fn command(bytes: &[u8]) -> Result<Option<Command>, Status> {
    let any = Any::decode(bytes).ok();
    let Some(any) = any.filter(|any| any.type_url.starts_with(COMMANDS)) else {
        return Ok(None);
    };
    let unreadable = |_: ArrowError| Error::invalid("cmd", "not a command of Flight SQL");
    Ok(Some(Command::try_from(any).map_err(unreadable)?))
}

/// For descriptors that hold something else.
pub(super) fn no_command() -> Status {
    Error::invalid("cmd", "not a command of Flight SQL").into()
}

/// Where a command's answer is: on this port, under a ticket.
pub(super) async fn info(
    broker: &Arc<Broker>,
    by: &OrgId,
    command: Command,
    descriptor: FlightDescriptor,
) -> Result<FlightInfo, Status> {
    let schema = schema(broker, by, &command).await?;
    let ticket = match statement(&command)? {
        Some(text) => TicketStatementQuery {
            statement_handle: Bytes::from(text.into_bytes()),
        }
        .as_any()
        .encode_to_vec(),
        None => descriptor.cmd.to_vec(),
    };
    let endpoint = FlightEndpoint::new().with_ticket(Ticket::new(ticket));
    let info = FlightInfo::new().try_with_schema(&schema);
    let info = info.map_err(Error::internal)?;
    Ok(info
        .with_endpoint(endpoint)
        .with_descriptor(descriptor)
        .with_total_records(-1)
        .with_total_bytes(-1))
}

/// The columns of a command's answer.
pub(super) async fn schema(
    broker: &Arc<Broker>,
    by: &OrgId,
    command: &Command,
) -> Result<SchemaRef, Status> {
    if let Some(text) = statement(command)? {
        return Ok(broker.sql_schema(by, &text).await?);
    }
    Ok(match command.clone() {
        Command::CommandGetCatalogs(asked) => asked.into_builder().schema(),
        Command::CommandGetDbSchemas(asked) => asked.into_builder().schema(),
        Command::CommandGetTables(asked) => asked.into_builder().schema(),
        Command::CommandGetTableTypes(asked) => asked.into_builder().schema(),
        Command::CommandGetSqlInfo(asked) => asked.into_builder(&about()?).schema(),
        other => return Err(unsupported(&other)),
    })
}

/// The rows of a command's answer.
pub(super) async fn rows(
    broker: &Arc<Broker>,
    by: &OrgId,
    command: Command,
) -> Result<Parts<FlightData>, Status> {
    if let Some(text) = statement(&command)? {
        let answer = broker.sql(by, &text).await?;
        let schema = Arc::clone(&answer.schema);
        let rows = answer.into_stream();
        let rows = rows.map(|batch| batch.map_err(|e| FlightError::from(Status::from(e))));
        return Ok(encoded(schema, rows));
    }
    let batch = listed(broker, by, command).await?;
    Ok(encoded(batch.schema(), stream::iter([Ok(batch)])))
}

/// What a driver asks about the database.
async fn listed(broker: &Arc<Broker>, by: &OrgId, command: Command) -> Result<RecordBatch, Status> {
    let shelf = broker.shelf(by);
    let batch = match command {
        Command::CommandGetCatalogs(asked) => {
            let mut catalogs = asked.into_builder();
            catalogs.append(CATALOG);
            catalogs.build()
        }
        Command::CommandGetDbSchemas(asked) => {
            let mut schemas = asked.into_builder();
            let names = shelf.schemas();
            names.iter().for_each(|name| schemas.append(CATALOG, name));
            schemas.build()
        }
        Command::CommandGetTables(asked) => return tables(&shelf, asked),
        Command::CommandGetTableTypes(asked) => {
            let mut types = asked.into_builder();
            types.append(TABLE);
            types.build()
        }
        Command::CommandGetSqlInfo(asked) => asked.into_builder(&about()?).build(),
        other => return Err(unsupported(&other)),
    };
    Ok(batch.map_err(Error::internal)?)
}

fn tables(shelf: &crate::flow::sql::Shelf, asked: CommandGetTables) -> Result<RecordBatch, Status> {
    let with_columns = asked.include_schema;
    let mut found = asked.into_builder();
    for schema in shelf.schemas() {
        for table in shelf.tables(&schema) {
            let columns = match with_columns {
                true => shelf.columns(&schema, &table).map_err(told)?,
                false => None,
            };
            let columns = columns.unwrap_or_else(|| Arc::new(Schema::empty()));
            let appended = found.append(CATALOG, &schema, &table, TABLE, &columns);
            appended.map_err(Error::internal)?;
        }
    }
    Ok(found.build().map_err(Error::internal)?)
}

/// What a driver may know of this server.
fn about() -> Result<SqlInfoData, Error> {
    let mut about = SqlInfoDataBuilder::new();
    about.append(SqlInfo::FlightSqlServerName, "Weir");
    about.append(SqlInfo::FlightSqlServerVersion, env!("CARGO_PKG_VERSION"));
    about.append(SqlInfo::FlightSqlServerArrowVersion, "1.3");
    about.append(SqlInfo::FlightSqlServerReadOnly, true);
    about.append(SqlInfo::FlightSqlServerSql, true);
    about.append(SqlInfo::FlightSqlServerSubstrait, false);
    about.build().map_err(Error::internal)
}

/// A prepared statement is made, or forgotten: there is nothing to forget.
pub(super) async fn act(
    broker: &Arc<Broker>,
    by: &OrgId,
    action: &Action,
) -> Result<impl Iterator<Item = arrow_flight::Result> + use<>, Status> {
    let wrong = || Error::invalid("body", "not what the action takes");
    let any = Any::decode(action.body.clone()).map_err(|_| wrong())?;
    let done = match action.r#type.as_str() {
        PREPARE => {
            let asked: Option<ActionCreatePreparedStatementRequest> =
                any.unpack().map_err(|_| wrong())?;
            let text = asked.ok_or_else(wrong)?.query;
            let schema = broker.sql_schema(by, &text).await?;
            let options = IpcWriteOptions::default();
            let schema: Result<IpcMessage, ArrowError> =
                SchemaAsIpc::new(&schema, &options).try_into();
            let prepared = ActionCreatePreparedStatementResult {
                prepared_statement_handle: Bytes::from(text.into_bytes()),
                dataset_schema: schema.map_err(Error::internal)?.0,
                parameter_schema: Bytes::new(),
            };
            Some(arrow_flight::Result {
                body: prepared.as_any().encode_to_vec().into(),
            })
        }
        CLOSE => {
            let asked: Option<ActionClosePreparedStatementRequest> =
                any.unpack().map_err(|_| wrong())?;
            asked.ok_or_else(wrong)?;
            None
        }
        _ => return Err(Status::unimplemented("no such action")),
    };
    Ok(done.into_iter())
}

/// The actions there are.
pub(super) fn actions() -> Vec<ActionType> {
    let action = |name: &str, what: &str| ActionType {
        r#type: name.into(),
        description: what.into(),
    };
    vec![
        action(PREPARE, "Understands a statement without running it."),
        action(CLOSE, "Forgets a prepared statement."),
    ]
}

/// The text of a statement, wherever a driver puts it; `None` for other commands.
fn statement(command: &Command) -> Result<Option<String>, Status> {
    let text = match command {
        Command::CommandStatementQuery(asked) => return Ok(Some(asked.query.clone())),
        Command::CommandPreparedStatementQuery(asked) => &asked.prepared_statement_handle,
        Command::TicketStatementQuery(asked) => &asked.statement_handle,
        _ => return Ok(None),
    };
    let text = String::from_utf8(text.to_vec());
    let wrong = |_| Error::invalid("statement", "not a handle of this server");
    Ok(Some(text.map_err(wrong)?))
}

fn unsupported(command: &Command) -> Status {
    let name = command.type_url().rsplit('.').next().unwrap_or_default();
    Status::unimplemented(format!(
        "{name:.64} is not supported: released tables are read only"
    ))
}

fn encoded(
    schema: SchemaRef,
    rows: impl Stream<Item = Result<RecordBatch, FlightError>> + Send + 'static,
) -> Parts<FlightData> {
    let data = FlightDataEncoderBuilder::new()
        .with_schema(schema)
        .with_dictionary_handling(DictionaryHandling::Resend)
        .build(rows);
    data.map(|message| message.map_err(Status::from)).boxed()
}
