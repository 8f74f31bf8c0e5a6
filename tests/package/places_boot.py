"""places_boot.py - a client for a machine in a directory, run with that machine's network. Touches: 127.0.0.1:7071."""

CLIENT = r"""
import http.client, sys, threading, time
got, wrong, end = [], [], threading.Event()
def one(pause):
    con = http.client.HTTPConnection("127.0.0.1", 7071, timeout=30)
    con.putrequest("POST", "/v1/token")
    for name, value in (("Content-Type", "application/json"), ("Content-Length", "2"), ("Connection", "close")):
        con.putheader(name, value)
    con.endheaders(b"{}"[:1 if pause else 2])
    if pause:
        time.sleep(pause)
        con.send(b"}")
    answer = con.getresponse()
    body = answer.read()
    con.close()
    if answer.status != 200 or b"participant_token" not in body:
        raise ValueError("%d %r" % (answer.status, body[:200]))
def work(pause):
    while not end.is_set():
        try:
            one(pause)
            got.append(1)
        except Exception as error:
            wrong.append(repr(error))
            return
        end.wait(0.01)
many = [threading.Thread(target=work, args=(pause,)) for pause in (0, 0, 0, 0.2, 0.2)]  # some are always on their way
for each in many:
    each.start()
while not got and not wrong:
    time.sleep(0.01)
print("begun", flush=True)
while sys.stdin.readline():
    pass
end.set()
for each in many:
    each.join()
print("wrong" if wrong or not got else "ok", len(got), wrong[:3])
"""
