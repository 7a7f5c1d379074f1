//! Internal parts that this project's other crates, tests and fuzz targets use. **They may change with any release.**

pub use crate::validate::check_stream_name;

pub mod container {
    pub use crate::credentials::container::*;
}

pub mod environment {
    pub use crate::credentials::environment::*;
}

pub mod expiry {
    pub use crate::credentials::expiry::*;
}

pub mod imds {
    pub use crate::credentials::imds::*;
}

pub mod login {
    pub use crate::credentials::login::*;
}

pub mod plan {
    pub use crate::credentials::plan::*;
}

pub mod process {
    pub use crate::credentials::process::*;
}

pub mod profile {
    pub use crate::credentials::profile::*;
}

pub mod sso {
    pub use crate::credentials::sso::*;
}

pub mod sts {
    pub use crate::credentials::sts::*;
}

pub mod crypto {
    pub use crate::crypto::*;
}

pub mod json {
    pub use crate::json::*;
}

pub mod pattern {
    pub use crate::pattern::*;
}

pub mod retry {
    pub use crate::retry::*;
}

pub mod schema {
    pub use crate::schema::*;
}

pub mod uuid {
    pub use crate::uuid::*;
}

pub mod settings {
    pub use crate::settings::resolver::*;
}
