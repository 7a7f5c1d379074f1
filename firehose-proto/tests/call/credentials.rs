//! What a call does when the service refuses the credentials, or when there are none.

use firehose_proto::call::Error;
use firehose_proto::credentials::{Credentials, CredentialsError};

use crate::world::{World, accepted, answer, config, key, refusal};
use crate::{put, put_once};

fn transient() -> Result<Credentials, CredentialsError> {
    Err(CredentialsError::transient("out for a minute"))
}

fn expired() -> crate::world::Answer {
    refusal(403, "ExpiredTokenException")
}

#[test]
fn takes_other_credentials_at_once() {
    for put in [put as fn(&mut World) -> _, put_once] {
        let mut world = World::new(config(), [expired(), accepted()]);
        world.credentials = [Ok(key("AKID1")), Ok(key("AKID2"))].into();
        put(&mut world).unwrap();
        assert_eq!((world.sent.len(), world.waits.len()), (2, 0));
        assert_eq!(world.wanted, [false, true]);
        assert!(world.sent[1].headers.value("authorization").unwrap().contains("AKID2"));
        assert!(world.sent[1].is_verified);
    }
}

#[test]
fn an_expiry_that_was_put_off_makes_no_other_credentials() {
    let mut later = key("AKID1");
    later.expires_at = firehose_proto::time::IsoDate::parse("2030-01-01T00:00:00Z");
    let mut world = World::new(config(), [expired(), accepted()]);
    world.credentials = [Ok(key("AKID1")), Ok(later)].into();
    let error = put_once(&mut world).unwrap_err();
    assert_eq!((world.sent.len(), error.is_transient(), error.is_ambiguous()), (1, true, false));
}

#[test]
fn waits_for_others_that_cannot_be_had_at_once() {
    // Refused; no others at first, but later.
    let mut world = World::new(config(), [expired(), accepted()]);
    world.credentials = [Ok(key("AKID1")), transient(), Ok(key("AKID2"))].into();
    put(&mut world).unwrap();
    assert_eq!((world.sent.len(), world.waits.len()), (2, 1));
    assert_eq!(world.wanted, [false, true, true]);

    // The service accepts the same credentials at the second try.
    let mut world = World::new(config(), [expired(), expired(), accepted()]);
    put(&mut world).unwrap();
    assert_eq!((world.sent.len(), world.waits.len()), (3, 2));

    // There are never others: the service's refusal is returned, and the caller may try again.
    for put in [put as fn(&mut World) -> _, put_once] {
        let mut world = World::new(config(), [expired()]);
        world.credentials = [Ok(key("AKID1")), transient()].into();
        let error = put(&mut world).unwrap_err();
        assert!(matches!(error, Error::Refused { is_transient: true, .. }), "{error:?}");
        assert!(!error.is_ambiguous());
    }
}

#[test]
fn says_why_there_are_none() {
    for (error, is_transient) in [(CredentialsError::failed("no file"), false), (transient().unwrap_err(), true)] {
        let mut world = World::new(config(), [accepted()]);
        world.credentials = [Err(error)].into();
        let error = put(&mut world).unwrap_err();
        assert!(matches!(error, Error::Credentials(_)), "{error:?}");
        assert_eq!((error.is_transient(), error.is_ambiguous(), world.sent.len()), (is_transient, false, 0));
    }
}

#[test]
fn does_not_forget_what_an_earlier_attempt_may_have_done() {
    let mut world = World::new(config(), [answer(500, "")]);
    world.credentials = [Ok(key("AKID1")), transient()].into();
    let error = put(&mut world).unwrap_err();
    assert!(matches!(error, Error::Refused { attempts: 1, .. }) && error.is_ambiguous(), "{error:?}");
}
