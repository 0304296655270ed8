//! The sample city behind a router, and browsers that visit it.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::{CONTENT_TYPE, COOKIE, HOST, LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, Request, StatusCode};
use daicho_identity::{Entropy, HashCost, IdentityStore, JwtIssuer, NewPerson, Settings};
use daicho_testkit::TestApp;
use daicho_web::{Web, WebSettings, router};
use tower::ServiceExt as _;

pub const PASSWORD: &str = "kestrel ox vine umbrella";
const HOST_NAME: &str = "daicho.test";

/// The city after its two years: R3 published and corrected, R4 open.
pub struct City {
    pub service: TestApp,
    pub router: Router,
    pub plan: String,
    pub corrected: String,
    pub returned: String,
    pub sign_in_names: Vec<String>,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// All headers of this name.
    pub fn headers(&self, name: &str) -> Vec<&str> {
        let all = self.headers.get_all(name).iter();
        all.map(|value| value.to_str().unwrap()).collect()
    }

    pub fn location(&self) -> &str {
        self.header(LOCATION.as_str())
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.body))
    }

    #[track_caller]
    pub fn says(&self, text: &str) -> &Self {
        assert!(
            self.body.contains(text),
            "«{text}» is missing from {}:\n{}",
            self.status,
            self.body
        );
        self
    }

    #[track_caller]
    pub fn says_nothing_of(&self, text: &str) -> &Self {
        assert!(
            !self.body.contains(text),
            "«{text}» is in {}:\n{}",
            self.status,
            self.body
        );
        self
    }

    #[track_caller]
    pub fn is(&self, status: StatusCode) -> &Self {
        assert_eq!(self.status, status, "{}", self.body);
        self
    }

    /// The fields of the form at `action`, as a browser would send them untouched.
    #[track_caller]
    pub fn form(&self, action: &str) -> Vec<(String, String)> {
        let start = self
            .body
            .find(&format!("action=\"{action}\""))
            .unwrap_or_else(|| panic!("no form {action} in\n{}", self.body));
        let form = &self.body[start..];
        let form = &form[..form.find("</form>").unwrap()];
        let mut fields = Vec::new();
        for tag in tags(form) {
            match tag.name {
                "input" if tag.value("type") == Some("checkbox") && !tag.has("checked") => {}
                "input" => fields.push((
                    tag.value("name").unwrap().to_owned(),
                    unescape(tag.value("value").unwrap_or_default()),
                )),
                "textarea" => {
                    let text = &form[tag.end..];
                    let text = &text[..text.find("</textarea>").unwrap()];
                    // A browser drops the line end after the tag.
                    fields.push((
                        tag.value("name").unwrap().to_owned(),
                        unescape(text.strip_prefix('\n').unwrap_or(text)),
                    ));
                }
                "select" => {
                    let options = &form[tag.end..];
                    let options = &options[..options.find("</select>").unwrap()];
                    let all: Vec<_> = tags(options)
                        .into_iter()
                        .filter(|tag| tag.name == "option")
                        .collect();
                    let chosen = all
                        .iter()
                        .find(|tag| tag.has("selected"))
                        .or_else(|| all.first());
                    let value = chosen
                        .and_then(|tag| tag.value("value"))
                        .unwrap_or_default();
                    fields.push((tag.value("name").unwrap().to_owned(), value.to_owned()));
                }
                _ => {}
            }
        }
        fields
    }
}

/// An opening tag.
pub struct Tag<'h> {
    pub name: &'h str,
    attributes: &'h str,
    /// Where it ends.
    pub end: usize,
}

impl<'h> Tag<'h> {
    pub fn value(&self, name: &str) -> Option<&'h str> {
        let start = self.attributes.find(&format!(" {name}=\""))? + name.len() + 3;
        let rest = &self.attributes[start..];
        rest.find('"').map(|end| &rest[..end])
    }

    pub fn has(&self, name: &str) -> bool {
        self.attributes.split([' ', '>']).any(|word| word == name)
    }
}

/// The opening tags of a document of ours (attributes have double quotes, `<` is escaped).
pub fn tags(html: &str) -> Vec<Tag<'_>> {
    let mut tags = Vec::new();
    for (start, _) in html.match_indices('<') {
        let rest = &html[start + 1..];
        if !rest.starts_with(|first: char| first.is_ascii_alphabetic()) {
            continue;
        }
        let mut in_quotes = false;
        let Some(length) = rest.find(|c: char| {
            in_quotes ^= c == '"';
            c == '>' && !in_quotes
        }) else {
            continue;
        };
        let inside = &rest[..length];
        let name = inside.split([' ', '\n']).next().unwrap();
        tags.push(Tag {
            name,
            attributes: &inside[name.len()..],
            end: start + 1 + length + 1,
        });
    }
    tags
}

pub fn unescape(text: &str) -> String {
    text.replace("&#60;", "<")
        .replace("&#62;", ">")
        .replace("&#34;", "\"")
        .replace("&#39;", "'")
        .replace("&#38;", "&")
}

/// A visitor.
#[derive(Clone)]
pub struct Browser {
    router: Router,
    pub cookie: Option<String>,
}

impl City {
    pub async fn after_two_years() -> Self {
        Self::with(WebSettings::default()).await
    }

    pub async fn with(settings: WebSettings) -> Self {
        let (service, played) = TestApp::sample_city().await;
        let now = service.app.now();
        let quick = Settings {
            hash_cost: HashCost::QUICK_FOR_TESTS,
            ..Settings::default()
        };
        let identity =
            Arc::new(IdentityStore::in_memory(quick, Entropy::predictable(3), now).unwrap());
        for person in &played.people {
            let new = NewPerson {
                account: person.account,
                sign_in_name: &person.sign_in_name,
                display_name: &person.display_name,
                mail: None,
            };
            identity.register(&new, now).unwrap();
            identity
                .set_password(person.account, PASSWORD, &[], now)
                .unwrap();
        }
        let tokens = Arc::new(
            JwtIssuer::new(Arc::clone(&identity), "https://daicho.test", "daicho").unwrap(),
        );
        let schema = daicho_graphql::build_schema(
            Arc::clone(&service.app),
            Arc::clone(&identity),
            Arc::clone(&tokens),
        );
        Self {
            router: router(Web {
                app: Arc::clone(&service.app),
                identity,
                tokens,
                schema,
                settings,
            }),
            plan: played.plan.to_string(),
            corrected: played.corrected.to_string(),
            returned: played.returned.to_string(),
            sign_in_names: played
                .people
                .iter()
                .map(|person| person.sign_in_name.clone())
                .collect(),
            service,
        }
    }

    /// Somebody who is not signed in.
    pub fn stranger(&self) -> Browser {
        Browser {
            router: self.router.clone(),
            cookie: None,
        }
    }

    /// Somebody signed in.
    pub async fn browser(&self, name: &str) -> Browser {
        let mut browser = self.stranger();
        let answer = browser
            .post(
                "/sign-in",
                &[("name", name), ("password", PASSWORD), ("next", "/work")],
            )
            .await;
        answer.is(StatusCode::SEE_OTHER);
        browser.keep(&answer);
        browser
    }

    /// The staff and the approver of the department of `indicator` in R4.
    pub async fn department_of(&self, indicator: &str) -> (Browser, Browser) {
        let path = self.report("R4", indicator);
        for name in self
            .sign_in_names
            .iter()
            .filter(|name| name.starts_with("staff."))
        {
            let staff = self.browser(name).await;
            if staff.get(&path).await.status == StatusCode::OK {
                let approver = self.browser(&name.replace("staff.", "approver.")).await;
                return (staff, approver);
            }
        }
        panic!("nobody reports {indicator}");
    }

    /// An indicator of R4 whose report has nothing in it yet, with the browser of its staff.
    pub async fn untouched_report(&self) -> (String, Browser, Browser) {
        let planning = self.browser("planning").await;
        let sheet = planning.get(&format!("/plans/{}/R4", self.plan)).await;
        // Every row says its state before the link to its report.
        for part in sheet
            .body
            .split("<span class=\"chip stage\">未入力</span>")
            .skip(1)
        {
            let start = part.find("/reports/").unwrap() + "/reports/".len();
            let indicator = part[start..start + 36].to_owned();
            let (staff, approver) = self.department_of(&indicator).await;
            let page = staff.get(&self.report("R4", &indicator)).await;
            if page.body.contains("name=\"figure\"") && page.body.contains("<textarea") {
                return (indicator, staff, approver);
            }
        }
        panic!("every report has something in it");
    }

    pub fn report(&self, year: &str, indicator: &str) -> String {
        format!("/plans/{}/{year}/reports/{indicator}", self.plan)
    }
}

impl Browser {
    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        Answer {
            status,
            headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    pub fn request(&self, method: &str, path: &str) -> axum::http::request::Builder {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, HOST_NAME);
        match &self.cookie {
            Some(cookie) => request.header(COOKIE, cookie),
            None => request,
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request("GET", path).body(Body::empty()).unwrap())
            .await
    }

    /// Sends a form from a page of ours.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.post_from(path, fields, &format!("http://{HOST_NAME}"))
            .await
    }

    /// Sends a form from a page at `origin`.
    pub async fn post_from(&self, path: &str, fields: &[(&str, &str)], origin: &str) -> Answer {
        let body = fields
            .iter()
            .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)))
            .collect::<Vec<_>>()
            .join("&");
        let request = self
            .request("POST", path)
            .header("origin", origin)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(body.into())
            .unwrap();
        self.send(request).await
    }

    /// Opens `page`, fills the form at `action` with `typed`, and sends it.
    pub async fn fill(&self, page: &str, action: &str, typed: &[(&str, &str)]) -> Answer {
        let fields = self.get(page).await.form(action);
        self.send_form(action, fields, typed).await
    }

    /// Sends `fields` with `typed` over them.
    pub async fn send_form(
        &self,
        action: &str,
        mut fields: Vec<(String, String)>,
        typed: &[(&str, &str)],
    ) -> Answer {
        for (name, value) in typed {
            match fields.iter_mut().find(|(field, _)| field == name) {
                Some(field) => field.1 = (*value).to_owned(),
                None => fields.push(((*name).to_owned(), (*value).to_owned())),
            }
        }
        let fields: Vec<_> = fields
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        self.post(action, &fields).await
    }

    /// Follows a redirect.
    pub async fn follow(&self, answer: &Answer) -> Answer {
        answer.is(StatusCode::SEE_OTHER);
        self.get(answer.location()).await
    }

    /// Keeps the cookie that an answer sets.
    pub fn keep(&mut self, answer: &Answer) {
        let cookie = answer.header(SET_COOKIE.as_str());
        self.cookie = Some(cookie.split(';').next().unwrap().to_owned());
    }

    /// Sends a GraphQL request with these headers.
    pub async fn graphql(&self, document: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = self
            .request("POST", "/graphql")
            .header(CONTENT_TYPE, "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = serde_json::json!({ "query": document }).to_string();
        self.send(request.body(body.into()).unwrap()).await
    }
}

pub fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}
