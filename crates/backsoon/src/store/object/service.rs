//! Which service a URL means, and how to reach it.

use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, S3ConditionalPut};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::{BackoffConfig, ClientConfigKey, RetryConfig, UpdateVersion};

use super::super::address::Address;

/// Whose rules are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    S3,
    Google,
    Azure,
}

/// Whether a request that failed is sent again. One that may be written twice must not be: the second try would find
/// the first one's value and call it somebody else's.
#[derive(Debug, Clone, Copy)]
pub(super) enum Tries {
    One,
    Two,
}

// === impl Service ===

impl Service {
    pub(super) fn of(scheme: &str) -> Self {
        match scheme {
            "gs" => Self::Google,
            "az" => Self::Azure,
            _ => Self::S3,
        }
    }

    /// The options that its URLs may have.
    pub(super) fn options(self) -> &'static [&'static str] {
        match self {
            Self::S3 => &["region", "endpoint", "allow_http", "virtual_hosted_style"],
            Self::Google => &["endpoint", "allow_http"],
            Self::Azure => &["account", "endpoint", "allow_http"],
        }
    }

    /// What its credentials are called.
    pub(super) fn credentials(self) -> &'static str {
        match self {
            Self::S3 => "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (or the machine's role)",
            Self::Google => "GOOGLE_APPLICATION_CREDENTIALS (or the machine's service account)",
            Self::Azure => {
                "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY (or the machine's identity)"
            }
        }
    }

    /// The token of a value: Google counts generations, the others tell by an ETag.
    pub(super) fn token(self, e_tag: Option<String>, version: Option<String>) -> Option<String> {
        if self == Self::Google { version } else { e_tag }
    }

    /// What to compare with; `None` if the token was never this service's.
    pub(super) fn expected(self, token: String) -> Option<UpdateVersion> {
        if self == Self::Google {
            let is_generation = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_digit());
            return is_generation.then_some(UpdateVersion { e_tag: None, version: Some(token) });
        }
        let is_e_tag = token.len() > 2 && token.starts_with('"') && token.ends_with('"');
        is_e_tag.then_some(UpdateVersion { e_tag: Some(token), version: None })
    }

    /// A client of the bucket that the address names, with the credentials that the environment has.
    pub(super) fn client(
        self,
        address: &Address,
        tries: Tries,
    ) -> object_store::Result<Arc<dyn object_store::ObjectStore>> {
        let bucket = address.url.host_str().unwrap_or_default();
        let retry = match tries {
            Tries::One => RetryConfig { max_retries: 0, ..RetryConfig::default() },
            // Whoever follows a store tries again anyway, with longer pauses each time.
            Tries::Two => RetryConfig {
                max_retries: 1,
                retry_timeout: super::PATIENCE / 2,
                backoff: BackoffConfig { max_backoff: Duration::from_secs(1), ..BackoffConfig::default() },
            },
        };
        let times = [(ClientConfigKey::Timeout, "5 seconds"), (ClientConfigKey::ConnectTimeout, "3 seconds")];
        let option = |name| address.option(name);
        Ok(match self {
            Self::S3 => {
                let mut builder = AmazonS3Builder::from_env().with_bucket_name(bucket).with_retry(retry);
                for (key, value) in times {
                    builder = builder.with_config(AmazonS3ConfigKey::Client(key), value);
                }
                let options = [
                    (AmazonS3ConfigKey::Region, option("region")),
                    (AmazonS3ConfigKey::Endpoint, option("endpoint")),
                    (AmazonS3ConfigKey::Client(ClientConfigKey::AllowHttp), option("allow_http")),
                    (AmazonS3ConfigKey::VirtualHostedStyleRequest, option("virtual_hosted_style")),
                ];
                for (key, value) in options.into_iter().filter_map(|(key, value)| Some((key, value?))) {
                    builder = builder.with_config(key, value);
                }
                // Whatever the environment says: without it there is no compare-and-swap.
                Arc::new(builder.with_conditional_put(S3ConditionalPut::ETagMatch).build()?)
            }
            Self::Google => {
                let mut builder =
                    GoogleCloudStorageBuilder::from_env().with_bucket_name(bucket).with_retry(retry);
                for (key, value) in times {
                    builder = builder.with_config(GoogleConfigKey::Client(key), value);
                }
                if let Some(endpoint) = option("endpoint") {
                    builder = builder.with_config(GoogleConfigKey::BaseUrl, endpoint);
                }
                if let Some(allow) = option("allow_http") {
                    builder = builder.with_config(GoogleConfigKey::Client(ClientConfigKey::AllowHttp), allow);
                }
                Arc::new(builder.build()?)
            }
            Self::Azure => {
                let mut builder =
                    MicrosoftAzureBuilder::from_env().with_container_name(bucket).with_retry(retry);
                for (key, value) in times {
                    builder = builder.with_config(AzureConfigKey::Client(key), value);
                }
                let options = [
                    (AzureConfigKey::AccountName, option("account")),
                    (AzureConfigKey::Endpoint, option("endpoint")),
                    (AzureConfigKey::Client(ClientConfigKey::AllowHttp), option("allow_http")),
                ];
                for (key, value) in options.into_iter().filter_map(|(key, value)| Some((key, value?))) {
                    builder = builder.with_config(key, value);
                }
                Arc::new(builder.build()?)
            }
        })
    }
}
