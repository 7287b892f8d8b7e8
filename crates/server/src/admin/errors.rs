//! From what can go wrong in `countersign-auth` to what operators read: one exhaustive match for each.

use countersign_auth::admin::users::ChangeUserError;
use countersign_auth::clients::ClientError;
use countersign_auth::keys::KeysError;
use countersign_auth::register::RegisterError;
use http::StatusCode;

use super::Problem;

impl From<RegisterError> for Problem {
    fn from(error: RegisterError) -> Self {
        use RegisterError as E;
        let (status, code) = match &error {
            E::Closed => (StatusCode::FORBIDDEN, "registration_closed"),
            E::Email(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid_email"),
            E::Username(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid_username"),
            E::Name(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid_name"),
            E::Role(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid_role"),
            E::Password(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid_password"),
            E::EmailTaken => (StatusCode::CONFLICT, "email_taken"),
            E::UsernameTaken => (StatusCode::CONFLICT, "username_taken"),
            E::Limited { .. } => (StatusCode::TOO_MANY_REQUESTS, "too_many_requests"),
            E::Hash(_) => (StatusCode::SERVICE_UNAVAILABLE, "busy"),
            E::Store(_) => return Self::of_store(error),
        };
        Self::new(status, code, error)
    }
}

impl From<ChangeUserError> for Problem {
    fn from(error: ChangeUserError) -> Self {
        use ChangeUserError as E;
        let (status, code) = match &error {
            E::Unknown => (StatusCode::NOT_FOUND, "no_such_user"),
            E::Email(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid_email"),
            E::Username(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid_username"),
            E::Name(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid_name"),
            E::Role(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid_role"),
            E::Password(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid_password"),
            E::EmailTaken => (StatusCode::CONFLICT, "email_taken"),
            E::UsernameTaken => (StatusCode::CONFLICT, "username_taken"),
            E::Hash(_) => (StatusCode::SERVICE_UNAVAILABLE, "busy"),
            E::Store(_) => return Self::of_store(error),
        };
        Self::new(status, code, error)
    }
}

impl From<ClientError> for Problem {
    fn from(error: ClientError) -> Self {
        use ClientError as E;
        let (status, code) = match &error {
            E::Origin(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid_origin"),
            E::Redirect { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "invalid_redirect_uri"),
            E::Own => (StatusCode::CONFLICT, "own_client"),
            E::Lifetimes => (StatusCode::UNPROCESSABLE_ENTITY, "invalid_lifetimes"),
            E::Claim(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid_claim"),
            E::Scope(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid_scope"),
            E::Text => (StatusCode::UNPROCESSABLE_ENTITY, "invalid_text"),
            E::Kind(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid_kind"),
            E::Protection(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid_protection"),
            E::Keys(_) => (StatusCode::INTERNAL_SERVER_ERROR, "key_not_made"),
            E::Unknown => (StatusCode::NOT_FOUND, "no_such_client"),
            E::Store(_) => return Self::of_store(error),
        };
        Self::new(status, code, error)
    }
}

impl From<KeysError> for Problem {
    fn from(error: KeysError) -> Self {
        use KeysError as E;
        let (status, code) = match &error {
            E::Unknown => (StatusCode::NOT_FOUND, "no_such_key"),
            E::OwnKey => (StatusCode::CONFLICT, "own_key"),
            E::NotInUse(_) => (StatusCode::NOT_FOUND, "algorithm_not_in_use"),
            E::Ring(_) | E::Incomplete => (StatusCode::INTERNAL_SERVER_ERROR, "key_unusable"),
            E::Make(_) => (StatusCode::INTERNAL_SERVER_ERROR, "key_not_made"),
            E::Store(_) => return Self::of_store(error),
        };
        Self::new(status, code, error)
    }
}

impl From<countersign_auth::store::StoreError> for Problem {
    fn from(error: countersign_auth::store::StoreError) -> Self {
        Self::of_store(error)
    }
}

impl Problem {
    fn of_store(error: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "store_failed", error)
    }
}
