"""Debian's Thunderbird, without a screen, with one account: driven over its own remote control (Marionette)."""

import json
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

PROGRAM = "thunderbird"
START_SECONDS = 90
HOST = "127.0.0.1"

# Nothing that asks, looks up or loads by itself; remote content only where the person allowed it.
QUIET = {
    "app.update.enabled": False,
    "browser.safebrowsing.malware.enabled": False,
    "datareporting.policy.dataSubmissionPolicyBypassNotification": True,
    "extensions.update.enabled": False,
    "mail.provider.suppress_dialog_on_startup": True,
    "mail.rights.version": 1,
    "mail.shell.checkDefaultClient": False,
    "mail.spam.manualMark": False,
    "mailnews.start_page.enabled": False,
    "mailnews.start_page_override.mstone": "ignore",
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "data:,",
    "toolkit.telemetry.enabled": False,
    "mail.server.default.check_new_mail": False,
    "mail.server.default.autosync_offline_stores": False,
    "mail.server.default.offline_download": False,
    "mail.prompt_purge_threshhold": False,
}

ADD_PASSWORD = """
const login = Cc["@mozilla.org/login-manager/loginInfo;1"].createInstance(Ci.nsILoginInfo);
const [scheme, user, password] = arguments;
login.init(scheme + "://" + "127.0.0.1", null, scheme + "://" + "127.0.0.1", user, password, "", "");
return Services.logins.addLoginAsync(login).then(() => true);
"""

INBOX = """
const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
const { MailUtils } = ChromeUtils.importESModule("resource:///modules/MailUtils.sys.mjs");
const server = MailServices.accounts.accounts[0].incomingServer;
"""

UPDATE = INBOX + """
const done = arguments[arguments.length - 1];
const root = server.rootFolder;
server.performExpand(null);
const wait = () => {
  const inbox = root.getFolderWithFlags(Ci.nsMsgFolderFlags.Inbox);
  if (!inbox) { window.setTimeout(wait, 200); return; }
  inbox.getNewMessages(null, {
    QueryInterface: ChromeUtils.generateQI(["nsIUrlListener"]),
    OnStartRunningUrl() {},
    OnStopRunningUrl() { done([...inbox.messages].map(m => m.messageId)); },
  });
};
wait();
"""

# What the message pane shows, as text, once it has loaded: the letter is chosen in the list, as by a click.
OPEN = INBOX + """
const [ident] = arguments;
const done = arguments[arguments.length - 1];
const inbox = server.rootFolder.getFolderWithFlags(Ci.nsMsgFolderFlags.Inbox);
const message = [...inbox.messages].find(m => m.messageId == ident);
const about = Services.wm.getMostRecentWindow("mail:3pane").document.getElementById("tabmail").currentAbout3Pane;
about.displayFolder(inbox.URI);
const text = () => {
  const pane = about.messageBrowser.contentWindow;
  if (!pane || !pane.gMessage || pane.gMessage.messageId != ident) { return null; }
  const shown = pane.getMessagePaneBrowser().contentDocument;
  const said = shown && shown.readyState == "complete" && shown.body ? shown.body.textContent : "";
  return said.includes(message.mime2DecodedSubject) ? said : null; // else it is still the letter before
};
const wait = () => {
  const at = about.gDBView ? about.gDBView.findIndexOfMsgHdr(message, true) : -1;
  if (at >= 0 && at < 0xffffffff && about.threadTree.selectedIndex != at) { about.threadTree.selectedIndex = at; }
  const said = text();
  if (said) { done(said); } else { about.setTimeout(wait, 200); }
};
wait();
"""


def free_port():
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return listener.getsockname()[1]


class Marionette:
    """Its wire: "LENGTH:[kind, number, what, ...]" in JSON, both ways."""

    def __init__(self, port, process):
        self.socket = self.connect(port, process)
        self.file = self.socket.makefile("rb")
        self.number = 0
        self.receive()
        self.call("WebDriver:NewSession", {"capabilities": {}})
        self.call("Marionette:SetContext", {"value": "chrome"})
        self.call("WebDriver:SetTimeouts", {"script": 60000})

    def connect(self, port, process):
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            assert process.poll() is None, "Thunderbird ended"
            try:
                connected = socket.create_connection((HOST, port), timeout=START_SECONDS)
                return connected
            except OSError:
                time.sleep(0.2)
        raise AssertionError("Thunderbird does not listen")

    def receive(self):
        length = b""
        while not length.endswith(b":"):
            byte = self.file.read(1)
            assert byte, "Thunderbird closed the line"
            length += byte
        return json.loads(self.file.read(int(length[:-1])))

    def call(self, command, parameters):
        self.number += 1
        octets = json.dumps([0, self.number, command, parameters]).encode()
        self.socket.sendall(b"%d:%s" % (len(octets), octets))
        _, number, error, result = self.receive()
        assert number == self.number and error is None, error
        return result

    def run(self, script, *arguments, asynchronous=False):
        kind = "WebDriver:ExecuteAsyncScript" if asynchronous else "WebDriver:ExecuteScript"
        return self.call(kind, {"script": script, "args": list(arguments), "newSandbox": True})["value"]


class Thunderbird:
    """In a profile of its own below `directory`, with `agent` as its account's server."""

    def __init__(self, agent, directory, **prefs):
        self.agent = agent
        self.profile = Path(directory) / "profile"
        self.profile.mkdir()
        self.port = free_port()
        self.trust(agent.home / "localhost.pem")
        self.write_prefs({**QUIET, **self.account(), **prefs, "marionette.port": self.port})
        self.log = open(self.profile.parent / "thunderbird.log", "wb")
        self.process = subprocess.Popen(
            [PROGRAM, "--headless", "--marionette", "--remote-allow-system-access", "--no-remote", "--profile",
             self.profile], stdout=self.log, stderr=self.log,
            env={**os.environ, "HOME": str(directory), "MOZ_HEADLESS": "1"})
        try:
            self.remote = Marionette(self.port, self.process)
            for scheme in ("imap", "smtp"):
                self.remote.run(ADD_PASSWORD, scheme, agent.address, agent.credential)
        except BaseException:
            self.close()
            raise

    def trust(self, certificate):
        database = f"sql:{self.profile}"
        subprocess.run(["certutil", "-N", "-d", database, "--empty-password"], check=True)
        subprocess.run(["certutil", "-A", "-d", database, "-n", "agent", "-t", "CP,,", "-i", certificate], check=True)

    def account(self):
        user = self.agent.address
        return {
            "mail.accountmanager.accounts": "account1",
            "mail.accountmanager.defaultaccount": "account1",
            "mail.account.account1.server": "server1",
            "mail.account.account1.identities": "id1",
            "mail.server.server1.type": "imap",
            "mail.server.server1.hostname": HOST,
            "mail.server.server1.port": self.agent.imap_port,
            "mail.server.server1.userName": user,
            "mail.server.server1.name": user,
            "mail.server.server1.socketType": 3,
            "mail.server.server1.authMethod": 3,
            "mail.server.server1.login_at_startup": False,
            "mail.identity.id1.useremail": user,
            "mail.identity.id1.fullName": "Reader",
            "mail.identity.id1.smtpServer": "smtp1",
            "mail.smtpservers": "smtp1",
            "mail.smtpserver.smtp1.hostname": HOST,
            "mail.smtpserver.smtp1.port": self.agent.smtp_port,
            "mail.smtpserver.smtp1.username": user,
            "mail.smtpserver.smtp1.try_ssl": 3,
            "mail.smtpserver.smtp1.authMethod": 3,
        }

    def write_prefs(self, prefs):
        lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in prefs.items()]
        (self.profile / "user.js").write_text("".join(lines))

    def update(self):
        """The Message-IDs of the inbox, without brackets."""
        return self.remote.run(UPDATE, asynchronous=True)

    def open(self, ident):
        """Show the letter as a click on it does; the text that the person sees.  Its subject is like no other's."""
        return self.remote.run(OPEN, ident.strip("<>"), asynchronous=True)

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(20)
        self.log.close()
        shutil.rmtree(self.profile, ignore_errors=True)
