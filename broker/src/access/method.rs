//! The methods that ask about an object, by the name of their action in `policies/schema.cedarschema`.

/// Offers an agreement.
pub const OFFER_AGREEMENT: &str = "AgreementService/OfferAgreement";
/// Signs one.
pub const SIGN_AGREEMENT: &str = "AgreementService/SignAgreement";
/// Takes an offer back.
pub const WITHDRAW_AGREEMENT: &str = "AgreementService/WithdrawAgreement";
/// Stops an agreement for now.
pub const SUSPEND_AGREEMENT: &str = "AgreementService/SuspendAgreement";
/// Lifts that.
pub const RESUME_AGREEMENT: &str = "AgreementService/ResumeAgreement";
/// Ends one.
pub const TERMINATE_AGREEMENT: &str = "AgreementService/TerminateAgreement";
/// Reads one.
pub const GET_AGREEMENT: &str = "AgreementService/GetAgreement";
/// Lists those one may read.
pub const LIST_AGREEMENTS: &str = "AgreementService/ListAgreements";
/// Is told what happens to one's agreements.
pub const WATCH_AGREEMENTS: &str = "AgreementService/WatchAgreements";
/// Sends cells.
pub const DO_PUT: &str = "FlightService/DoPut";
/// Looks up one's own contribution.
pub const GET_CONTRIBUTION: &str = "ContributionService/GetContribution";
/// Lists which periods are live.
pub const LIST_CONTRIBUTIONS: &str = "ContributionService/ListContributions";
/// Takes one's own contribution back.
pub const WITHDRAW_CONTRIBUTION: &str = "ContributionService/WithdrawContribution";
/// Prices a release.
pub const PREVIEW: &str = "ReleaseService/Preview";
/// Requests one.
pub const REQUEST_RELEASE: &str = "ReleaseService/RequestRelease";
/// Lists those that are published.
pub const LIST_RELEASES: &str = "ReleaseService/ListReleases";
/// Proposes a release as open data.
pub const PROPOSE_OPEN_DATA: &str = "ReleaseService/ProposeOpenData";
/// Approves that.
pub const APPROVE_OPEN_DATA: &str = "ReleaseService/ApproveOpenData";
/// Withdraws it.
pub const WITHDRAW_OPEN_DATA: &str = "ReleaseService/WithdrawOpenData";
/// Fetches a released table.
pub const GET_RELEASE: &str = "ReleaseService/GetRelease";
/// Fetches its columns.
pub const DO_GET: &str = "FlightService/DoGet";
/// Proves an entry.
pub const GET_RECEIPT: &str = "TransparencyService/GetReceipt";
/// Reads entries.
pub const GET_ENTRIES: &str = "TransparencyService/GetEntries";

/// Where bundles of entries are, in plain HTTP.
pub const BUNDLES: &str = "/tile/entries/";
/// Where single entries are.
pub const ENTRY: &str = "/entry/";

const OURS: &str = "/weir.v1.";
const FLIGHT: &str = "/arrow.flight.protocol.";

/// Is this a path of plain HTTP?
#[must_use]
pub fn is_plain(path: &str) -> bool {
    path.starts_with(BUNDLES) || path.starts_with(ENTRY)
}

/// The action of a method's path, as on the wire: `/package.Service/Method` gives `Service/Method`. Entries over
/// HTTPS are read by the same action as over gRPC.
#[must_use]
pub fn of_path(path: &str) -> Option<&str> {
    if is_plain(path) {
        return Some(GET_ENTRIES);
    }
    path.strip_prefix(OURS)
        .or_else(|| path.strip_prefix(FLIGHT))
}

/// The path of an action's method.
#[must_use]
pub fn path(method: &str) -> String {
    let package = if method.starts_with("FlightService/") {
        FLIGHT
    } else {
        OURS
    };
    format!("{package}{method}")
}
