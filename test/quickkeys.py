"""Keys that open quickly.

Where an authority has its keys in files, they are under 600,000 rounds of PBKDF2, on purpose.  With
the sanitizers each of these rounds costs five times what it does otherwise: more than a second for
each key and each start.  Tests start authorities hundreds of times: the openssl program writes the
same keys anew, with few rounds.
"""

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROUNDS = 1000


def quicken(folder, passphrase_file, which="*.key"):
    """Write the keys in the authority's folder anew."""
    keys = sorted(folder.glob(which))
    assert keys, f"no {which} in {folder}"
    secret = Path(passphrase_file).read_text().splitlines()[0]
    with ThreadPoolExecutor(max_workers=2) as pool:
        list(pool.map(lambda key: quicken_key(key, secret), keys))


def quicken_key(key, secret):
    # openssl takes the second line of a file that it is given for both
    pem = subprocess.run(
        ["openssl", "pkcs8", "-topk8", "-in", key, "-passin", "env:SECRET", "-passout",
         "env:SECRET", "-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA256", "-iter", str(ROUNDS)],
        env={**os.environ, "SECRET": secret}, check=True, capture_output=True).stdout
    key.write_bytes(pem)
