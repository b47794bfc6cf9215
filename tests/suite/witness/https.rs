//! A witness behind TLS.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::*;

/// TLS before a witness, as a proxy makes it: `localhost` under the CA of this town.
async fn behind_tls(town: &Town, witness: SocketAddr) -> SocketAddr {
    let files = town.pki.broker();
    let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(&files.cert)
        .unwrap()
        .collect();
    let key = PrivateKeyDer::from_pem_file(&files.key).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain.unwrap(), key)
        .unwrap();
    let tls = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            let tls = tls.clone();
            tokio::spawn(async move {
                // Whoever does not trust the certificate goes away.
                let Ok(mut outside) = tls.accept(socket).await else {
                    return;
                };
                let mut inside = tokio::net::TcpStream::connect(witness).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut outside, &mut inside).await;
            });
        }
    });
    address
}

/// A witness behind https is asked under the CA that the config names, and under no other. What a quorum cosigned
/// lies beside the log, for auditors with a copy.
#[tokio::test(flavor = "multi_thread")]
async fn a_witness_behind_https_is_asked_under_the_configured_ca() {
    let mut town = Town::new().await;
    let north = Watcher::new(&town, "north").await;
    let proxy = behind_tls(&town, north.config.listen).await;
    let text = format!(
        "log {}\nwitness north {} https://localhost:{}\nquorum north\n",
        town.log_key,
        north.vkey,
        proxy.port()
    );
    let file = town.folder.path().join("witnesses.policy");
    std::fs::write(&file, &text).unwrap();
    let policy: Policy = text.parse().unwrap();
    town.stop().await;
    let cosigned = town.config.state.join("log/cosigned");
    let strangers = certs::DevPki::create(&town.folder.path().join("strangers"), "other.test");
    let strangers = strangers.unwrap().ca();
    town.config.witnesses = Some(Witnesses {
        policy: file.clone(),
        ca: Some(strangers),
    });
    town.start().await;
    town.join("bikes", Role::Provider).await;
    assert!(!cosigned.exists(), "under another CA nobody is asked");
    town.stop().await;

    town.config.witnesses = Some(Witnesses {
        policy: file.clone(),
        ca: Some(town.pki.ca()),
    });
    town.policy = Some(file);
    town.start().await;
    // Its client refuses whatever no quorum cosigned.
    let city = town.join("city", Role::Planner).await;
    let shown = city.client.checkpoint().await.unwrap();
    policy.check(&shown).unwrap();
    let size = town.broker().sequencer().log().size();
    let kept = until("the cosigned checkpoint is kept", async || {
        let text = std::fs::read_to_string(&cosigned).ok()?;
        let note: audit::checkpoint::CheckpointNote = text.parse().unwrap();
        let kept = note.verify(&town.log_key).unwrap();
        (kept.size() >= size).then_some(kept)
    })
    .await;
    policy.check(&kept).unwrap();
    policy.check_times(&kept, town.clock.now()).unwrap();
    // Without a CA for https the start says what is missing.
    town.stop().await;
    town.config.witnesses.as_mut().unwrap().ca = None;
    let error = start(&town.config, town.clock.clone()).await.unwrap_err();
    assert!(error.to_string().contains("witnesses.ca"), "{error}");
}
