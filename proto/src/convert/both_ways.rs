//! Conversions that many messages share, in both directions.

/// Both directions of a response that is one thing and a receipt.
macro_rules! logged {
    ($($message:ident { $field:ident: $domain:ty })*) => { $(
        impl TryFrom<crate::v1::$message> for Logged<$domain> {
            type Error = ConvertError;

            fn try_from(message: crate::v1::$message) -> Result<Self, ConvertError> {
                let crate::v1::$message { $field, receipt } = message;
                Ok(Self {
                    what: super::required(stringify!($field), $field)?.try_into()?,
                    receipt: super::common::receipt(receipt)?,
                })
            }
        }

        impl From<Logged<$domain>> for crate::v1::$message {
            fn from(Logged { what, receipt }: Logged<$domain>) -> Self {
                Self {
                    $field: Some(what.into()),
                    receipt: Some(receipt.into()),
                }
            }
        }
    )* };
}

/// Both directions of a response that is a page.
macro_rules! paged {
    ($($message:ident { $field:ident: $domain:ty })*) => { $(
        impl TryFrom<crate::v1::$message> for Paged<$domain> {
            type Error = ConvertError;

            fn try_from(message: crate::v1::$message) -> Result<Self, ConvertError> {
                let crate::v1::$message { $field, next_page_token } = message;
                let max = crate::limits::PAGE_MAX as usize;
                super::at_most(stringify!($field), "items", $field.len(), max)?;
                let items = $field.into_iter().map(TryInto::try_into);
                Ok(Self {
                    items: items.collect::<Result<_, _>>()?,
                    next: Some(next_page_token).filter(|token| !token.is_empty()),
                })
            }
        }

        impl From<Paged<$domain>> for crate::v1::$message {
            fn from(Paged { items, next }: Paged<$domain>) -> Self {
                Self {
                    $field: items.into_iter().map(Into::into).collect(),
                    next_page_token: next.unwrap_or_default(),
                }
            }
        }
    )* };
}

/// Both directions of a request for a page and nothing else.
macro_rules! page_request {
    ($($message:ident)*) => { $(
        impl TryFrom<crate::v1::$message> for Page {
            type Error = ConvertError;

            fn try_from(message: crate::v1::$message) -> Result<Self, ConvertError> {
                let crate::v1::$message { page_size, page_token } = message;
                Self::parse(page_size, page_token)
            }
        }

        impl From<Page> for crate::v1::$message {
            fn from(page: Page) -> Self {
                let (page_size, page_token) = page.print();
                Self { page_size, page_token }
            }
        }
    )* };
}

/// Both directions of a request that is one id.
macro_rules! id_request {
    ($($message:ident { $field:ident: $id:ty })*) => { $(
        impl TryFrom<crate::v1::$message> for $id {
            type Error = ConvertError;

            fn try_from(message: crate::v1::$message) -> Result<Self, ConvertError> {
                let crate::v1::$message { $field } = message;
                super::parse(stringify!($field), &$field)
            }
        }

        impl From<$id> for crate::v1::$message {
            fn from(id: $id) -> Self {
                Self { $field: id.into() }
            }
        }
    )* };
}

pub(super) use {id_request, logged, page_request, paged};
