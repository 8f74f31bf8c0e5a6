// The Rust peer: hyper on one thread, serde, LiveKit's own token crate. Reads the JSON body, checks two names, mints,
// answers like POST /api/token.
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{server::conn::http1, service::service_fn, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use livekit_api::access_token::{AccessToken, VideoGrants};
use std::time::Duration;

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ask {
    room_name: String,
    participant_identity: String,
}

#[derive(serde::Serialize)]
struct Answer<'a> {
    token: String,
    #[serde(rename = "roomName")]
    room_name: &'a str,
    #[serde(rename = "participantIdentity")]
    participant_identity: &'a str,
}

fn good(name: &str) -> bool {
    !name.is_empty() && name.len() <= 255 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

fn mint(ask: &Ask) -> Option<String> {
    AccessToken::with_api_key("APIbenchbench", "bench-secret-bench-secret-bench-secret-")
        .with_identity(&ask.participant_identity)
        .with_name(&ask.participant_identity)
        .with_ttl(Duration::from_secs(3600))
        .with_grants(VideoGrants { room_join: true, room: ask.room_name.clone(), ..Default::default() })
        .to_jwt()
        .ok()
}

async fn serve(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let body = request.into_body().collect().await?.to_bytes();
    let answer = serde_json::from_slice::<Ask>(&body)
        .ok()
        .filter(|ask| good(&ask.room_name) && good(&ask.participant_identity))
        .and_then(|ask| {
            let token = mint(&ask)?;
            serde_json::to_vec(&Answer {
                token,
                room_name: &ask.room_name,
                participant_identity: &ask.participant_identity,
            })
            .ok()
        });
    Ok(match answer {
        Some(json) => Response::builder()
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(json)))
            .unwrap(),
        None => Response::builder().status(StatusCode::BAD_REQUEST).body(Full::default()).unwrap(),
    })
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let port = std::env::args().nth(1).and_then(|p| p.parse::<u16>().ok()).unwrap_or(9004);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.expect("bind");
    let local = tokio::task::LocalSet::new();
    local
        .run_until(async move {
            loop {
                let (stream, _) = listener.accept().await.expect("accept");
                stream.set_nodelay(true).ok();
                tokio::task::spawn_local(async move {
                    let _ = http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service_fn(serve))
                        .await;
                });
            }
        })
        .await;
}
