//! The system tests are in the test binary `suite`; this library is empty.
