//! When a provider is asked, and when what it gave last is used.

use std::collections::VecDeque;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use firehose_blocking::credentials::Context;
use firehose_blocking::firehose_proto::http::Response;
use firehose_blocking::{
    Client, Clock, Credentials, CredentialsError, Error, ProvideCredentials, PutRecordInput, Record,
};

use crate::world::{START, Scripted, Virtual, builder};

const HOUR: Duration = Duration::from_secs(3600);
const MINUTE: Duration = Duration::from_secs(60);

/// Gives credentials numbered in order, good for an hour, unless it is told to fail.
#[derive(Clone, Default)]
struct Numbered(Arc<Mutex<Counts>>);

#[derive(Default)]
struct Counts {
    asked: u32,
    is_down: bool,
}

impl Numbered {
    fn asked(&self) -> u32 {
        self.0.lock().unwrap().asked
    }

    fn set_down(&self, is_down: bool) {
        self.0.lock().unwrap().is_down = is_down;
    }
}

impl ProvideCredentials for Numbered {
    fn provide(&self, context: &Context) -> Result<Credentials, CredentialsError> {
        let mut counts = self.0.lock().unwrap();
        counts.asked += 1;
        if counts.is_down {
            return Err(CredentialsError::transient("down"));
        }
        Ok(Credentials::new(format!("AKID{}", counts.asked), "secret").with_expiry(context.clock().now() + HOUR))
    }
}

fn client(provider: impl ProvideCredentials + 'static, clock: &Virtual) -> Client {
    builder(&[]).clock(clock.clone()).credentials_provider(provider).build().unwrap()
}

fn id(client: &Client) -> String {
    client.credentials().map_or_else(|error| error.to_string(), |credentials| credentials.access_key_id)
}

#[test]
fn asks_once_and_again_a_quarter_of_an_hour_before_the_end() {
    let (provider, clock) = (Numbered::default(), Virtual::new());
    let client = client(provider.clone(), &clock);
    for _ in 0..5 {
        assert_eq!(id(&client), "AKID1");
        clock.advance(Duration::from_secs(539));
    }
    clock.advance(Duration::from_secs(4));
    assert_eq!((id(&client), provider.asked()), ("AKID1".into(), 1));
    clock.advance(Duration::from_secs(1));
    assert_eq!((id(&client), provider.asked()), ("AKID2".into(), 2));
}

#[test]
fn goes_on_with_what_it_has_until_the_end_and_tries_once_a_minute() {
    let (provider, clock) = (Numbered::default(), Virtual::new());
    let client = client(provider.clone(), &clock);
    assert_eq!(id(&client), "AKID1");
    provider.set_down(true);
    clock.advance(45 * MINUTE);
    for minute in 0..15 {
        for _ in 0..4 {
            assert_eq!(id(&client), "AKID1", "minute {minute}");
            clock.advance(Duration::from_secs(15));
        }
        assert_eq!(provider.asked(), minute + 2);
    }
    assert_eq!(id(&client), "down");
    provider.set_down(false);
    assert_eq!(id(&client), "AKID18", "expired credentials are asked for at once");
}

#[test]
fn refuses_what_has_expired_already_and_keeps_what_never_does() {
    let clock = Virtual::new();
    let credentials = Credentials::new("AKID", "secret");
    assert_eq!(id(&client(credentials.clone(), &clock)), "AKID");
    // The standard library's time will do.
    let credentials = credentials.with_expiry(std::time::SystemTime::from(START));
    let error = client(credentials.clone(), &clock).credentials().unwrap_err();
    assert!(error.is_transient() && error.to_string().contains("expired"), "{error}");
    let error = builder(&[]).credentials_provider(credentials).find_credentials().unwrap_err();
    let words = "the credentials from code have expired, at 2026-11-22T12:00:00Z";
    assert_eq!(error.to_string(), words, "who only looks is told, too");
}

/// Says when it is asked, and answers when it is told to.
struct Slow {
    asked: Sender<()>,
    go_on: Mutex<Receiver<Result<Credentials, CredentialsError>>>,
}

impl ProvideCredentials for Slow {
    fn provide(&self, _: &Context) -> Result<Credentials, CredentialsError> {
        self.asked.send(()).unwrap();
        self.go_on.lock().unwrap().recv().unwrap()
    }
}

#[test]
fn one_thread_asks_and_the_others_share_its_answer() {
    for outcome in [Ok(Credentials::new("AKID", "secret")), Err(CredentialsError::failed("no"))] {
        let (asked, was_asked) = mpsc::channel();
        let (answer, go_on) = mpsc::channel();
        let client = client(Slow { asked, go_on: Mutex::new(go_on) }, &Virtual::new());
        let expected = outcome.clone().map_or_else(|error| error.to_string(), |found| found.access_key_id);
        thread::scope(|scope| {
            let first = scope.spawn(|| id(&client));
            was_asked.recv().unwrap();
            let others: Vec<_> = (0..8).map(|_| scope.spawn(|| id(&client))).collect();
            // Those who come too late to wait find the answer, or ask and get it, too.
            (0..9).for_each(|_| answer.send(outcome.clone()).unwrap());
            for thread in others.into_iter().chain([first]) {
                assert_eq!(thread.join().unwrap(), expected);
            }
        });
        if outcome.is_ok() {
            assert!(was_asked.try_recv().is_err(), "only one has asked");
        }
    }
}

#[test]
fn others_use_the_old_ones_while_one_thread_renews_them_early() {
    let clock = Virtual::new();
    let (asked, was_asked) = mpsc::channel();
    let (answer, go_on) = mpsc::channel();
    let client = client(Slow { asked, go_on: Mutex::new(go_on) }, &clock);
    let credentials = |id: &str| {
        let mut credentials = Credentials::new(id, "secret");
        credentials.expires_at = Some(clock.now() + HOUR);
        Ok(credentials)
    };
    answer.send(credentials("old")).unwrap();
    assert_eq!(id(&client), "old");
    clock.advance(46 * MINUTE);
    thread::scope(|scope| {
        let renewing = scope.spawn(|| id(&client));
        was_asked.iter().take(2).for_each(drop);
        assert_eq!(id(&client), "old");
        answer.send(credentials("new")).unwrap();
        assert_eq!(renewing.join().unwrap(), "new");
    });
    assert_eq!(id(&client), "new");
}

/// Provides from a list.
struct Listed(Mutex<VecDeque<&'static str>>);

impl ProvideCredentials for Listed {
    fn provide(&self, _: &Context) -> Result<Credentials, CredentialsError> {
        let id = self.0.lock().unwrap().pop_front().ok_or_else(|| CredentialsError::failed("none left"))?;
        Ok(Credentials::new(id, "secret"))
    }
}

/// Refuses all keys but one.
fn service(good: &'static str, code: &'static str) -> Scripted {
    Scripted::new(move |request| {
        if request.headers.value("authorization").unwrap().contains(good) {
            return Response::new(200, br#"{"RecordId":"id"}"#.to_vec());
        }
        Response::new(400, format!(r#"{{"__type":"{code}","message":"m"}}"#).into_bytes())
    })
}

fn put(client: &Client) -> Result<String, Error> {
    client.put_record(&PutRecordInput::new("s", Record::new(b"data"))).map(|output| output.record_id.into_owned())
}

#[test]
fn renews_once_when_the_service_says_they_have_expired() {
    for (code, good, ids, attempts) in [
        ("ExpiredTokenException", "AKIDnew", vec!["AKIDold", "AKIDnew"], Ok(2)),
        ("UnrecognizedClientException", "AKIDnew", vec!["AKIDold", "AKIDnew"], Ok(2)),
        // Once, not until it works.
        ("ExpiredTokenException", "AKIDnewer", vec!["AKIDold", "AKIDnew", "AKIDnewer"], Err(2)),
        // The same again would be refused again.
        ("ExpiredTokenException", "AKIDnew", vec!["AKIDold", "AKIDold", "AKIDnew"], Err(1)),
        ("ExpiredTokenException", "AKIDnew", vec!["AKIDold"], Err(1)),
        ("ResourceNotFoundException", "AKIDnew", vec!["AKIDold", "AKIDnew"], Err(1)),
    ] {
        let transport = service(good, code);
        let provider = Listed(Mutex::new(ids.clone().into()));
        let client = builder(&[]).credentials_provider(provider).transport(transport.clone()).build().unwrap();
        let outcome = match put(&client) {
            Ok(_) => Ok(transport.asked().len()),
            Err(Error::Refused { attempts, .. }) => {
                assert_eq!(transport.asked().len(), attempts as usize);
                Err(attempts)
            }
            Err(error) => panic!("{error}"),
        };
        assert_eq!(outcome, attempts.map(|count: usize| count), "{code} {ids:?}");
    }
}

#[test]
fn renews_at_the_services_word_once_a_minute() {
    let (provider, clock) = (Numbered::default(), Virtual::new());
    let transport = service("nobody", "ExpiredTokenException");
    let client =
        builder(&[]).clock(clock.clone()).credentials_provider(provider.clone()).transport(transport).build().unwrap();
    for asked in [2, 2, 2] {
        put(&client).unwrap_err();
        assert_eq!(provider.asked(), asked);
        clock.advance(Duration::from_secs(20));
    }
    put(&client).unwrap_err();
    assert_eq!(provider.asked(), 3);
}

#[test]
fn all_threads_get_the_credentials_that_one_of_them_renews_at_the_services_word() {
    let (asked, was_asked) = mpsc::channel();
    let (answer, go_on) = mpsc::channel();
    let transport = service("AKIDnew", "ExpiredTokenException");
    let provider = Slow { asked, go_on: Mutex::new(go_on) };
    let client = builder(&[]).credentials_provider(provider).transport(transport.clone()).build().unwrap();
    answer.send(Ok(Credentials::new("AKIDold", "secret"))).unwrap();
    assert_eq!(id(&client), "AKIDold");
    was_asked.recv().unwrap();
    thread::scope(|scope| {
        let puts: Vec<_> = (0..4).map(|_| scope.spawn(|| put(&client).is_ok())).collect();
        // All of them have been refused before the first one has other credentials.
        while transport.asked().len() < 4 {
            thread::yield_now();
        }
        was_asked.recv().unwrap();
        answer.send(Ok(Credentials::new("AKIDnew", "secret"))).unwrap();
        assert!(puts.into_iter().all(|put| put.join().unwrap()), "{:?}", transport.asked().len());
    });
    assert!(was_asked.try_recv().is_err(), "only one has asked");
}

#[test]
fn a_call_without_credentials_says_so_and_sends_nothing() {
    let transport = service("nobody", "unused");
    let provider = Listed(Mutex::default());
    let client = builder(&[]).credentials_provider(provider).transport(transport.clone()).build().unwrap();
    let error = put(&client).unwrap_err();
    assert!(matches!(error, Error::Credentials(_)) && !error.is_ambiguous(), "{error:?}");
    assert_eq!(transport.asked().len(), 0);
}

/// Gives credentials once, that are good for a moment.
struct Once(Mutex<bool>);

impl ProvideCredentials for Once {
    fn provide(&self, context: &Context) -> Result<Credentials, CredentialsError> {
        if std::mem::replace(&mut *self.0.lock().unwrap(), true) {
            return Err(CredentialsError::failed("none left"));
        }
        let mut credentials = Credentials::new("AKID", "secret");
        credentials.expires_at = Some(context.clock().now() + Duration::from_millis(1));
        Ok(credentials)
    }
}

#[test]
fn credentials_that_end_between_attempts_do_not_hide_that_the_first_may_have_worked() {
    for (status, body, is_ambiguous) in [(500, "{}", true), (400, r#"{"__type":"ThrottlingException"}"#, false)] {
        let transport = Scripted::new(move |_| Response::new(status, body.into()));
        let builder = builder(&[]).credentials_provider(Once(Mutex::default())).transport(transport.clone());
        let error = put(&builder.build().unwrap()).unwrap_err();
        assert_eq!(error.is_ambiguous(), is_ambiguous, "{error:?}");
        assert_eq!(matches!(error, Error::Credentials(_)), !is_ambiguous, "{error:?}");
        assert_eq!(transport.asked().len(), 1);
    }
}

/// Panics when it is told to.
struct Brittle {
    asked: Sender<()>,
    panics: Mutex<Receiver<bool>>,
}

impl ProvideCredentials for Brittle {
    fn provide(&self, _: &Context) -> Result<Credentials, CredentialsError> {
        self.asked.send(()).unwrap();
        let panics = self.panics.lock().unwrap_or_else(std::sync::PoisonError::into_inner).recv().unwrap();
        assert!(!panics, "as it was told to");
        Ok(Credentials::new("AKID", "secret"))
    }
}

#[test]
fn a_provider_that_panics_has_failed_and_all_that_wait_are_told() {
    let (asked, was_asked) = mpsc::channel();
    let (tell, panics) = mpsc::channel();
    let client = client(Brittle { asked, panics: Mutex::new(panics) }, &Virtual::new());
    thread::scope(|scope| {
        let first = scope.spawn(|| client.credentials());
        was_asked.recv().unwrap();
        let others: Vec<_> = (0..4).map(|_| scope.spawn(|| client.credentials())).collect();
        // Those who come too late to wait ask and have it panic, too.
        (0..5).for_each(|_| tell.send(true).unwrap());
        for thread in others.into_iter().chain([first]) {
            let error = thread.join().unwrap().unwrap_err();
            assert!(error.is_transient() && error.to_string().contains("panicked"), "{error}");
        }
    });
    // Whatever is left of what it was told.
    for _ in 0..6 {
        tell.send(false).unwrap();
    }
    let ids: Vec<_> = (0..6).map(|_| id(&client)).collect();
    assert_eq!(ids.last().unwrap(), "AKID", "{ids:?}");
}
