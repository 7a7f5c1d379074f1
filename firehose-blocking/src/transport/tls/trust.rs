//! Trust anchors: Mozilla's authorities, or those of a bundle, whose certificates a server may also present itself.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, ConfigBuilder, DigitallySignedStruct, Error, OtherError, RootCertStore,
    SignatureScheme, WantsVerifier,
};

use crate::transport::ca_bundle::InvalidCaBundle;

/// Trusts Mozilla's authorities.
pub(crate) fn mozilla() -> Arc<ClientConfig> {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let (builder, _) = builder();
    Arc::new(builder.with_root_certificates(roots).with_no_client_auth())
}

/// Trusts the certificates of a PEM text, and those that they have signed.
pub(crate) fn bundle(pem: &[u8]) -> Result<Arc<ClientConfig>, InvalidCaBundle> {
    let certificates: Vec<_> =
        CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(|_| InvalidCaBundle::Pem)?;
    if certificates.is_empty() {
        return Err(InvalidCaBundle::Empty);
    }
    let mut roots = RootCertStore::empty();
    let (_, unusable) = roots.add_parsable_certificates(certificates.iter().cloned());
    let (builder, provider) = builder();
    let authorities = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
    let authorities = authorities.map_err(|_| InvalidCaBundle::Unusable)?;
    if unusable > 0 {
        log::warn!("{unusable} of {} certificates to trust cannot be used", certificates.len());
    }
    let verifier = Arc::new(Bundle { authorities, certificates });
    Ok(Arc::new(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth()))
}

/// A configuration with the program's default crypto provider if it has set one, else *ring*.
fn builder() -> (ConfigBuilder<ClientConfig, WantsVerifier>, Arc<CryptoProvider>) {
    let provider = CryptoProvider::get_default().cloned().unwrap_or_else(|| Arc::new(ring::default_provider()));
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
    (builder.expect("a provider has the ciphers of one version at least"), provider)
}

/// Trusts certificates signed by the bundle's certificates, and each of the bundle's own if the server presents it.
///
/// `openssl req -x509` makes such a certificate by default: self-signed, and marked as an authority. OpenSSL, and so
/// the AWS CLI, accepts it from a server; webpki accepts an authority's certificate from no server. Whoever put this
/// very certificate into the bundle vouched for its key, so only its validity period and its names remain to be
/// checked.
#[derive(Debug)]
struct Bundle {
    authorities: Arc<WebPkiServerVerifier>,
    certificates: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for Bundle {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified = self.authorities.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match verified {
            // webpki reaches this error only after it has checked that the certificate is well formed and within its
            // validity period.
            Err(Error::InvalidCertificate(error)) if is_authority(&error) && self.certificates.contains(end_entity) => {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.authorities.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.authorities.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.authorities.supported_verify_schemes()
    }
}

/// Whether a certificate is refused because it is an authority's.
pub(super) fn is_authority(error: &CertificateError) -> bool {
    let CertificateError::Other(OtherError(error)) = error else { return false };
    matches!(error.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity))
}
