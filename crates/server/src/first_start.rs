//! What a first start says: three commands that work as pasted.

/// An account to try things with; the password is in nobody's list of common ones.
const EMAIL: &str = "ada@example.com";
const PASSWORD: &str = "seven sentries at the gate";

/// The commands: register, sign in, ask who is calling.
#[must_use]
pub fn commands(issuer: &str) -> [String; 3] {
    let json = "-H 'Content-Type: application/json'";
    let body = format!(r#"'{{"email":"{EMAIL}","password":"{PASSWORD}"}}'"#);
    [
        format!("curl -sS {issuer}/v1/register {json} -d {body}"),
        format!(
            "TOKEN=$(curl -sS {issuer}/v1/login {json} -d {body} | sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/')"
        ),
        format!("curl -sS {issuer}/v1/me -H \"Authorization: Bearer $TOKEN\""),
    ]
}

/// What to print while nobody has an account.
#[must_use]
pub fn greeting(issuer: &str) -> String {
    let [register, sign_in, me] = commands(issuer);
    format!(
        "\nNobody is registered yet. Paste these, one after the other, into another terminal:\n\
         \n  # register\n  {register}\n\
         \n  # sign in\n  {sign_in}\n\
         \n  # who am I? The token is checked, nothing is looked up but the account\n  {me}\n"
    )
}
