//! Certificates: who has one signed by the town's own authority is the user of its common name,
//! and may do what that user's role allows.

use crate::harness::{Etcd, Scratch, etcd_program, until};
use gtctl::etcd::{EtcdAccess, EtcdClient, EtcdFault, Freshness, Tls};
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;

/// Runs openssl in a folder.
fn openssl(folder: &Path, words: &str) {
    let output = Command::new("openssl")
        .args(words.split(' '))
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{words}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Makes an authority, called `ca`.
fn authority(folder: &Path, name: &str) {
    openssl(
        folder,
        &format!(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN={name} \
             -keyout {name}.key -out {name}.pem"
        ),
    );
}

/// Makes the certificate of `common` by an authority.
fn certificate(folder: &Path, file: &str, common: &str, by: &str) {
    certificate_for(folder, file, common, by, 2);
}

/// Makes a certificate that is valid for so many days. Below zero it has expired.
fn certificate_for(folder: &Path, file: &str, common: &str, by: &str, days: i32) {
    fs::write(
        folder.join("ext"),
        "subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth,clientAuth\n",
    )
    .unwrap();
    openssl(
        folder,
        &format!(
            "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN={common} \
             -keyout {file}.key -out {file}.csr"
        ),
    );
    openssl(
        folder,
        &format!(
            "x509 -req -in {file}.csr -CA {by}.pem -CAkey {by}.key -CAcreateserial -days {days} \
             -extfile ext -out {file}.pem"
        ),
    );
}

fn tls(folder: &Path, ca: &str, own: Option<&str>) -> Tls {
    let read = |name: String| fs::read(folder.join(name)).unwrap();
    Tls {
        ca: read(format!("{ca}.pem")),
        own: own.map(|own| (read(format!("{own}.pem")), read(format!("{own}.key")))),
    }
}

/// `etcdctl` as the administrator.
fn etcdctl(etcd: &Etcd, words: &str) {
    let at = |name: &str| etcd.scratch.path().join(name);
    let output = Command::new("etcdctl")
        .env("ETCDCTL_API", "3")
        .arg(format!("--endpoints={}", etcd.endpoints[0]))
        .arg(format!("--cacert={}", at("ca.pem").display()))
        .arg(format!("--cert={}", at("root.pem").display()))
        .arg(format!("--key={}", at("root.key").display()))
        .args(words.split(' '))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{words}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn has_tools() -> bool {
    let has = |program: &str| {
        let found = Command::new(program).arg("version").output().is_ok();
        if !found {
            eprintln!("SKIPPED, LOUDLY: there is no {program}");
        }
        found
    };
    has("openssl") && has("etcdctl")
}

#[tokio::test]
async fn an_expired_certificate_is_named_on_either_side() {
    if etcd_program().is_none() || !has_tools() {
        return;
    }
    let scratch = Scratch::new();
    let folder = scratch.path().to_path_buf();
    authority(&folder, "ca");
    certificate(&folder, "server", "server", "ca");
    certificate(&folder, "root", "root", "ca");
    certificate_for(&folder, "late", "build-1", "ca", -1);
    let Some(etcd) = Etcd::secure(scratch, tls(&folder, "ca", Some("root"))) else {
        return;
    };
    let access = EtcdAccess {
        tls: Some(tls(&folder, "ca", Some("late"))),
        ..etcd.access()
    };
    assert_eq!(why_not(&access).await, "expired");

    // A store whose own certificate has expired.
    certificate_for(&folder, "old", "server", "ca", -1);
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let words = format!("s_server -quiet -accept 127.0.0.1:{port} -cert old.pem -key old.key");
    let mut server = Command::new("openssl")
        .args(words.split(' '))
        .current_dir(&folder)
        .spawn()
        .unwrap();
    let access = EtcdAccess {
        endpoints: vec![format!("https://127.0.0.1:{port}")],
        tls: Some(tls(&folder, "ca", Some("root"))),
        ..etcd.access()
    };
    until("a server", || {
        TcpStream::connect(("127.0.0.1", port)).is_ok()
    });
    let why = why_not(&access).await;
    server.kill().unwrap();
    server.wait().unwrap();
    assert_eq!(why, "expired");
}

/// Why a store cannot be used: `expired` where the fault names that, else all that it says.
async fn why_not(access: &EtcdAccess) -> String {
    let client = EtcdClient::new(access).unwrap();
    let fault = client.get("/gtctl/t/manifest", Freshness::Quorum).await;
    let said = fault.unwrap_err().to_string();
    if said.to_lowercase().contains("expired") {
        "expired".to_owned()
    } else {
        said
    }
}

#[tokio::test]
async fn a_host_is_the_user_of_its_certificate_and_cannot_write_the_manifest() {
    if etcd_program().is_none() || !has_tools() {
        return;
    }
    let scratch = Scratch::new();
    let folder = scratch.path().to_path_buf();
    authority(&folder, "ca");
    authority(&folder, "other");
    certificate(&folder, "server", "server", "ca");
    certificate(&folder, "root", "root", "ca");
    certificate(&folder, "host", "build-1", "ca");
    certificate(&folder, "stranger", "stranger", "ca");
    certificate(&folder, "forged", "root", "other");
    let Some(etcd) = Etcd::secure(scratch, tls(&folder, "ca", Some("root"))) else {
        return;
    };
    for words in [
        "user add root --no-password",
        "user grant-role root root",
        "role add host",
        "role grant-permission host --prefix=true readwrite /gtctl/t/hosts/",
        "role grant-permission host --prefix=true readwrite /gtctl/t/place/",
        "role grant-permission host read /gtctl/t/manifest",
        "user add build-1 --no-password",
        "user grant-role build-1 host",
        "auth enable",
    ] {
        etcdctl(&etcd, words);
    }
    let client = |ca: &str, own: Option<&str>| {
        let access = EtcdAccess {
            tls: Some(tls(&folder, ca, own)),
            ..etcd.access()
        };
        EtcdClient::new(&access).unwrap()
    };
    let root = etcd.client();
    root.put("/gtctl/t/manifest", "m", None).await.unwrap();

    let host = client("ca", Some("host"));
    host.put("/gtctl/t/hosts/build-1", "1", None).await.unwrap();
    let read = host
        .get("/gtctl/t/manifest", Freshness::Quorum)
        .await
        .unwrap();
    assert_eq!(read.unwrap().text(), "m");
    let refused = host.put("/gtctl/t/manifest", "x", None).await.unwrap_err();
    assert!(matches!(refused, EtcdFault::Denied(_)), "{refused:?}");

    for (own, why) in [(Some("stranger"), "no such user"), (None, "no certificate")] {
        let fault = client("ca", own)
            .get("/gtctl/t/manifest", Freshness::Quorum)
            .await;
        assert!(fault.is_err(), "{why}: {fault:?}");
    }
    let forged = client("ca", Some("forged"));
    let fault = forged
        .get("/gtctl/t/manifest", Freshness::Quorum)
        .await
        .unwrap_err();
    assert!(
        !matches!(fault, EtcdFault::Denied(_)),
        "not even heard: {fault:?}"
    );
    let fooled = client("other", Some("host"));
    let fault = fooled
        .get("/gtctl/t/manifest", Freshness::Quorum)
        .await
        .unwrap_err();
    assert!(matches!(fault, EtcdFault::Unreachable(_)), "{fault:?}");
    let left = root
        .get("/gtctl/t/manifest", Freshness::Quorum)
        .await
        .unwrap();
    assert_eq!(left.unwrap().text(), "m");
}
