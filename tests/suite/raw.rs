//! What any client can send, without our SDK.

use tonic::Request;
use tonic::metadata::MetadataValue;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

use crate::harness::Member;

/// A bare channel with a member's certificate.
pub async fn channel(member: &Member) -> Channel {
    endpoint(member).connect().await.unwrap()
}

/// Where and as whom it connects.
pub fn endpoint(member: &Member) -> Endpoint {
    let read = |path: &std::path::Path| std::fs::read(path).unwrap();
    let tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(read(&member.profile.ca)))
        .identity(Identity::from_pem(
            read(&member.profile.cert),
            read(&member.profile.key),
        ));
    let endpoint = Channel::from_shared(member.profile.endpoint.to_string()).unwrap();
    endpoint.tls_config(tls).unwrap()
}

/// The member's token.
pub fn token(member: &Member) -> String {
    let text = std::fs::read_to_string(&member.profile.token).unwrap();
    text.trim().to_owned()
}

/// A message with it.
pub fn with_token<T>(member: &Member, message: T) -> Request<T> {
    let bearer = MetadataValue::try_from(format!("Bearer {}", token(member))).unwrap();
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", bearer);
    request
}
