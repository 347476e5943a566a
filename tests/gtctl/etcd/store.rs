//! Reads, transactions, leases, watches and failover.

use crate::harness::{Etcd, wait_for};
use gtctl::etcd::{
    EtcdAccess, EtcdClient, EtcdFault, Freshness, KeyChange, Mirror, Moved, Txn, TxnCondition,
    TxnDeed,
};
use gtctl::fence::StoreVersion;
use gtctl::proc::signal::Signal;
use std::time::Duration;

#[tokio::test]
async fn a_transaction_happens_whole_or_not_at_all() {
    let Some(etcd) = Etcd::start() else { return };
    let client = etcd.client();
    let create = |value: &str| {
        Txn::new()
            .when(TxnCondition::Absent("/t/leader".to_owned()))
            .then(TxnDeed::Put("/t/leader".to_owned(), value.into(), None))
            .otherwise(TxnDeed::Get("/t/leader".to_owned()))
    };
    let first = client.txn(&create("a")).await.unwrap();
    assert!(first.held);
    let second = client.txn(&create("b")).await.unwrap();
    assert!(!second.held, "the key is there");
    let there = second.read[0].clone().unwrap();
    assert_eq!(
        (there.text(), there.created),
        ("a".to_owned(), first.revision)
    );

    let place = |at: i64, value: &str| {
        Txn::new()
            .when(TxnCondition::CreatedAt(
                "/t/leader".to_owned(),
                first.revision,
            ))
            .when(TxnCondition::WrittenAt("/t/place".to_owned(), at))
            .then(TxnDeed::Put("/t/place".to_owned(), value.into(), None))
            .then(TxnDeed::Put("/t/more".to_owned(), value.into(), None))
    };
    let placed = client.txn(&place(0, "h1")).await.unwrap();
    assert!(placed.held);
    assert!(!client.txn(&place(0, "h2")).await.unwrap().held);
    assert!(
        client
            .txn(&place(placed.revision, "h3"))
            .await
            .unwrap()
            .held
    );
    let (all, _) = client.list("/t/", Freshness::Quorum).await.unwrap();
    let all: Vec<(String, String)> = all.iter().map(|it| (it.key.clone(), it.text())).collect();
    let expected = [("/t/leader", "a"), ("/t/more", "h3"), ("/t/place", "h3")];
    assert_eq!(all, expected.map(|(k, v)| (k.to_owned(), v.to_owned())));

    assert!(client.delete("/t/leader").await.unwrap());
    let late = place(placed.revision + 1, "h4");
    assert!(!client.txn(&late).await.unwrap().held, "no leader any more");
}

#[tokio::test]
async fn a_lease_takes_its_keys_with_it_and_is_known_to_have_ended() {
    let Some(etcd) = Etcd::start() else { return };
    let client = etcd.client();
    let (lease, lasts) = client.grant(Duration::from_secs(2)).await.unwrap();
    assert!(lasts >= Duration::from_secs(2));
    client.put("/t/hosts/a", "1", Some(lease)).await.unwrap();
    for _ in 0..4 {
        tokio::time::sleep(Duration::from_millis(700)).await;
        client.keep_alive(lease).await.unwrap();
    }
    let held = client.get("/t/hosts/a", Freshness::Quorum).await.unwrap();
    assert_eq!(held.unwrap().lease, Some(lease), "it was renewed");
    wait_for("the lease to end", async || {
        let gone = client.get("/t/hosts/a", Freshness::Quorum).await.unwrap();
        gone.is_none().then_some(())
    })
    .await;
    assert_eq!(client.keep_alive(lease).await, Err(EtcdFault::NoLease));
    let (lease, _) = client.grant(Duration::from_secs(60)).await.unwrap();
    client.put("/t/hosts/a", "2", Some(lease)).await.unwrap();
    client.revoke(lease).await.unwrap();
    let gone = client.get("/t/hosts/a", Freshness::Quorum).await.unwrap();
    assert_eq!(gone, None);
}

#[tokio::test]
async fn a_watch_brings_all_changes_in_order() {
    let Some(etcd) = Etcd::start() else { return };
    let client = etcd.client();
    let from = client.put("/t/a", "0", None).await.unwrap();
    let mut watch = client.watch("/t/", from).await.unwrap();
    client.put("/u/a", "other", None).await.unwrap();
    client.put("/t/a", "1", None).await.unwrap();
    client.delete("/t/a").await.unwrap();
    let mut seen = Vec::new();
    while seen.len() < 3 {
        for change in watch.next().await.unwrap().changes {
            seen.push(match change {
                KeyChange::Put(pair) => format!("{}={}", pair.key, pair.text()),
                KeyChange::Gone(key) => format!("-{key}"),
            });
        }
    }
    assert_eq!(seen, ["/t/a=0", "/t/a=1", "-/t/a"]);
}

#[tokio::test]
async fn a_mirror_lists_again_where_changes_were_compacted_away() {
    let Some(mut etcd) = Etcd::start() else {
        return;
    };
    let client = etcd.client();
    client.put("/t/a", "0", None).await.unwrap();
    client.put("/t/b", "0", None).await.unwrap();
    let mut mirror = Mirror::new("/t/");
    assert_eq!(mirror.step(&client).await, Ok(Moved::Listed));
    client.put("/t/a", "1", None).await.unwrap();
    assert_eq!(
        mirror.step(&client).await,
        Ok(Moved::Changed(vec!["a".to_owned()]))
    );
    // A watch from a revision that is gone says so.
    let (last, old) = (client.put("/t/a", "2", None).await.unwrap(), 2);
    client.compact(last).await.unwrap();
    let mut late = client.watch("/t/", old).await.unwrap();
    assert_eq!(late.next().await, Err(EtcdFault::Compacted(old, last)));
    // The mirror's watch breaks with its member, and goes on with all that has happened since.
    etcd.kill(0);
    wait_for("the watch to break", async || {
        mirror.step(&client).await.is_err().then_some(())
    })
    .await;
    assert!(
        mirror.get("b").is_some(),
        "a copy stays when the store is gone"
    );
    etcd.again(0);
    wait_for("the store", async || client.delete("/t/b").await.ok()).await;
    wait_for("a new list", async || mirror.step(&client).await.ok()).await;
    assert_eq!(mirror.listed(), 2);
    assert_eq!(
        mirror.get("a").map(gtctl::etcd::Pair::text),
        Some("2".to_owned())
    );
    assert_eq!(mirror.get("b"), None);
}

#[tokio::test]
async fn another_member_answers_where_one_is_gone_or_hangs() {
    let Some(mut etcd) = Etcd::with_members(3) else {
        return;
    };
    let client = etcd.client();
    client.put("/t/a", "1", None).await.unwrap();
    etcd.send(0, Signal::STOP);
    let read = wait_for("an answer", async || {
        client.get("/t/a", Freshness::Quorum).await.ok()
    })
    .await;
    assert_eq!(read.unwrap().text(), "1");
    etcd.send(0, Signal::CONT);
    etcd.kill(0);
    wait_for("a write", async || client.put("/t/a", "2", None).await.ok()).await;
    // Of three members one is left: nothing is written, and only what may be old is read.
    etcd.kill(1);
    let fault = wait_for("the loss to be seen", async || {
        client.get("/t/a", Freshness::Quorum).await.err()
    })
    .await;
    assert!(
        matches!(
            fault,
            EtcdFault::NoLeader
                | EtcdFault::Late(_)
                | EtcdFault::Broken(_)
                | EtcdFault::Unreachable(_)
        ),
        "{fault}"
    );
    let old = wait_for("a local read", async || {
        client.get("/t/a", Freshness::Local).await.ok()
    })
    .await;
    assert_eq!(old.unwrap().text(), "2");
    etcd.again(1);
    wait_for("the store", async || {
        client.put("/t/a", "3", None).await.ok()
    })
    .await;
}

#[tokio::test]
async fn a_call_ends_with_its_deadline_and_says_whether_it_was_sent() {
    let Some(etcd) = Etcd::start() else { return };
    let access = EtcdAccess {
        limit: Duration::from_millis(300),
        ..etcd.access()
    };
    let client = EtcdClient::new(&access).unwrap();
    wait_for("the connection", async || {
        client.put("/t/a", "1", None).await.ok()
    })
    .await;
    etcd.send(0, Signal::STOP);
    let fault = client.put("/t/a", "2", None).await.unwrap_err();
    assert_eq!(fault, EtcdFault::Late(300));
    assert!(!fault.is_without_effect(), "it may be written later");
    etcd.send(0, Signal::CONT);

    let nobody = EtcdAccess {
        endpoints: vec!["http://127.0.0.1:1".to_owned()],
        ..access
    };
    let nobody = EtcdClient::new(&nobody).unwrap();
    let fault = nobody.put("/t/a", "3", None).await.unwrap_err();
    assert!(matches!(fault, EtcdFault::Unreachable(_)), "{fault:?}");
    assert!(fault.is_without_effect());
}

#[tokio::test]
async fn a_member_says_its_version_and_old_ones_are_an_alarm() {
    let Some(etcd) = Etcd::start() else { return };
    let status = etcd.client().status().await.remove(0).unwrap();
    let version = status.version.unwrap();
    assert!(status.has_leader && status.said == version.to_string());
    let is_old = version < StoreVersion(3, 4, 31);
    let alarm = version.alarm().map(|alarm| alarm.to_string());
    assert!(!is_old || alarm.unwrap().contains("use 3.4.31 or later"));
}

#[test]
fn settings_that_cannot_work_are_told_before_a_call() {
    let access = |endpoint: &str| EtcdAccess {
        endpoints: vec![endpoint.to_owned()],
        tls: None,
        limit: Duration::from_secs(1),
    };
    let fault = |endpoint: &str| EtcdClient::new(&access(endpoint)).unwrap_err().to_string();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let _inside = runtime.enter();
    assert!(fault("https://127.0.0.1:2379").contains("needs a `ca`"));
    assert!(fault("http://[").contains("is no endpoint"));
    let none = EtcdAccess {
        endpoints: vec![],
        ..access("")
    };
    assert!(EtcdClient::new(&none).is_err());
}
