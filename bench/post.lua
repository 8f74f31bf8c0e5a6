-- One POST /api/token as wrk sends it over and over; WRK_HEAD=browser adds what a browser sends, WRK_BEARER a credential.
wrk.method = "POST"
wrk.path = "/api/token"
wrk.body = '{"roomName":"daily-standup","participantIdentity":"user-1234567890","participantName":"Ada Lovelace"}'
wrk.headers["Content-Type"] = "application/json"
if (os.getenv("WRK_BEARER") or "") ~= "" then
  wrk.headers["Authorization"] = "Bearer " .. os.getenv("WRK_BEARER")
end
if os.getenv("WRK_HEAD") == "browser" then
  wrk.headers["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
  wrk.headers["Accept"] = "*/*"
  wrk.headers["Accept-Language"] = "en-GB,en-US;q=0.9,en;q=0.8,de;q=0.7"
  wrk.headers["Accept-Encoding"] = "gzip, deflate, br, zstd"
  wrk.headers["Cache-Control"] = "no-cache"
  wrk.headers["Pragma"] = "no-cache"
  wrk.headers["Origin"] = "https://app.example.org"
  wrk.headers["Referer"] = "https://app.example.org/rooms/daily-standup?from=calendar"
  wrk.headers["Sec-Ch-Ua"] = '"Chromium";v="156", "Not=A?Brand";v="24", "Google Chrome";v="156"'
  wrk.headers["Sec-Ch-Ua-Mobile"] = "?0"
  wrk.headers["Sec-Ch-Ua-Platform"] = '"Linux"'
  wrk.headers["Sec-Fetch-Dest"] = "empty"
  wrk.headers["Sec-Fetch-Mode"] = "cors"
  wrk.headers["Sec-Fetch-Site"] = "same-site"
  wrk.headers["Priority"] = "u=1, i"
end
