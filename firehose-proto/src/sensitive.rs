//! [`Sensitive`]: a value that shows itself to nobody by accident.

use core::fmt;

use zeroize::Zeroize;

/// A secret: redacted in `Debug`, without `Display`, and wiped from memory when dropped.
///
/// ```
/// use firehose_proto::sensitive::Sensitive;
///
/// let secret = Sensitive::new(String::from("wJalrXUtnFEMI"));
/// assert_eq!(format!("{secret:?}"), "<redacted>");
/// assert_eq!(secret.reveal(), "wJalrXUtnFEMI");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Sensitive<T: Zeroize>(T);

impl<T: Zeroize> Sensitive<T> {
    /// Wraps a secret value.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// Lends the secret to code that must have it, such as the signer.
    pub const fn reveal(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> fmt::Debug for Sensitive<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<redacted>")
    }
}

impl<T: Zeroize> Drop for Sensitive<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}
