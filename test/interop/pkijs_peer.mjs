/* pkijs on Node's WebCrypto, told line by line what to do, as BouncyCastlePeer
 * is.  Arguments: the folder of keys and certificates, the folder in which
 * node_modules is. */
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { webcrypto, createPrivateKey } from "node:crypto";
import { createInterface } from "node:readline";

const [keys, modules] = process.argv.slice(2);
const require = createRequire(`${modules}/node_modules/here.js`);
const pkijs = require("pkijs");
const asn1js = require("asn1js");

pkijs.setEngine("node", new pkijs.CryptoEngine({ name: "node", crypto: webcrypto }));
const engine = pkijs.getCrypto(true);

const CIPHERS = {
    "aes-128-cbc": { name: "AES-CBC", length: 128 },
    "aes-192-cbc": { name: "AES-CBC", length: 192 },
    "aes-256-cbc": { name: "AES-CBC", length: 256 },
    "aes-128-gcm": { name: "AES-GCM", length: 128 },
    "aes-192-gcm": { name: "AES-GCM", length: 192 },
    "aes-256-gcm": { name: "AES-GCM", length: 256 },
};
const ID_ENVELOPED = "1.2.840.113549.1.7.3";
const ID_SIGNED = "1.2.840.113549.1.7.2";
const ID_DATA = "1.2.840.113549.1.7.1";

const buffer = (octets) =>
    octets.buffer.slice(octets.byteOffset, octets.byteOffset + octets.byteLength);
const text = (words) => buffer(new TextEncoder().encode(words));
const hex = (digits) => buffer(Buffer.from(digits, "hex"));
const sha = (digest) => digest.replace("sha", "SHA-").toUpperCase();

function cert(name) {
    const pem = readFileSync(`${keys}/${name}.cert`, "latin1");
    const body = pem.replace(/-----[^-]*-----/g, "").replace(/\s/g, "");
    return pkijs.Certificate.fromBER(buffer(Buffer.from(body, "base64")));
}

function pkcs8(name) {
    return buffer(createPrivateKey(readFileSync(`${keys}/${name}.key`))
        .export({ type: "pkcs8", format: "der" }));
}

const keyId = async (certificate) => webcrypto.subtle.digest("SHA-1",
    certificate.subjectPublicKeyInfo.subjectPublicKey.valueBlock.valueHexView);

/* --- seal */

async function addRecipient(enveloped, word) {
    const [name, rsa, kdf, ski] = word.split(",");
    const certificate = cert(name);
    if (ski && name !== "rsa") {
        const key = await certificate.getPublicKey({ algorithm: {
            algorithm: { name: "ECDH", namedCurve: name.toUpperCase().replace("P", "P-") },
            usages: [],
        } });
        enveloped.addRecipientByKeyIdentifier(key, await keyId(certificate),
            kdf ? { kdfAlgorithm: sha(kdf) } : {});
        return;
    }
    const how = kdf ? { kdfAlgorithm: sha(kdf) } : {};
    if (name === "rsa")
        Object.assign(how, rsa
            ? { useOAEP: true, oaepHashAlgorithm: sha(rsa.replace("oaep-", "")) }
            : { useOAEP: false });
    enveloped.addRecipientByCertificate(certificate, how);
}

async function seal(content, words) {
    const enveloped = new pkijs.EnvelopedData();
    const cipher = words.cipher?.[0];
    if (cipher && !CIPHERS[cipher])
        throw new Error(`WebCrypto has no ${cipher}`);
    for (const word of words.to ?? [])
        await (cipher ? addRecipient(enveloped, word)
            : enveloped.addRecipientByCertificate(cert(word.split(",")[0])));
    if (words.kek)
        enveloped.addRecipientByPreDefinedData(
            hex(words.kek[0]), { keyIdentifier: hex(words.kekid[0]) }, 1);
    if (words.password)
        enveloped.addRecipientByPreDefinedData(text(words.password[0]), {}, 2);
    await enveloped.encrypt(CIPHERS[cipher ?? "aes-256-cbc"], buffer(content));
    return wrap(ID_ENVELOPED, enveloped.toSchema());
}

const wrap = (contentType, content) => Buffer.from(
    new pkijs.ContentInfo({ contentType, content }).toSchema().toBER(false));

/* --- open */

function unwrap(octets, contentType, Kind) {
    const info = pkijs.ContentInfo.fromBER(buffer(octets));
    if (info.contentType !== contentType)
        throw new Error(`content type ${info.contentType} has no class`);
    return new Kind({ schema: info.content });
}

async function open(octets, words) {
    const enveloped = unwrap(octets, ID_ENVELOPED, pkijs.EnvelopedData);
    const how = {};
    if (words.kek)
        how.preDefinedData = hex(words.kek[0]);
    if (words.password)
        how.preDefinedData = text(words.password[0]);
    if (words.to) {
        const name = words.to[0].split(",")[0];
        how.recipientCertificate = cert(name);
        how.recipientPrivateKey = pkcs8(name);
    }
    return Buffer.from(await enveloped.decrypt(which(enveloped, words), how));
}

/* pkijs wants to be told which recipient: by its kind. */
function which(enveloped, words) {
    if (!words.to)
        return 0;
    const wanted = words.to[0].startsWith("rsa") ? 1 : 2;
    return Math.max(0, enveloped.recipientInfos.findIndex((info) => info.variant === wanted));
}

/* --- sign */

function signingKey(name, digest, pss) {
    const algorithms = {
        rsa: { name: pss ? "RSA-PSS" : "RSASSA-PKCS1-v1_5", hash: { name: digest } },
        ed25519: { name: "Ed25519" },
        ed448: { name: "Ed448" },
    };
    const algorithm = algorithms[name] ??
        { name: "ECDSA", namedCurve: name.toUpperCase().replace("P", "P-") };
    return webcrypto.subtle.importKey("pkcs8", pkcs8(name), algorithm, true, ["sign"]);
}

async function attributes(content, digest) {
    const hash = await webcrypto.subtle.digest(digest, content);
    const attribute = (type, value) => new pkijs.Attribute({ type, values: [value] });
    return new pkijs.SignedAndUnsignedAttributes({ type: 0, attributes: [
        attribute("1.2.840.113549.1.9.3", new asn1js.ObjectIdentifier({ value: ID_DATA })),
        attribute("1.2.840.113549.1.9.5", new asn1js.UTCTime({ valueDate: new Date() })),
        attribute("1.2.840.113549.1.9.4", new asn1js.OctetString({ valueHex: hash })),
    ] });
}

async function sign(content, words) {
    const signed = new pkijs.SignedData({
        encapContentInfo: new pkijs.EncapsulatedContentInfo({ eContentType: ID_DATA }),
    });
    if (!words.detached)
        signed.encapContentInfo.eContent = new asn1js.OctetString({ valueHex: buffer(content) });
    signed.certificates = [];
    for (const [index, word] of words.signer.entries()) {
        const [name, digest, pss, ski] = word.split(",");
        const certificate = cert(name);
        const sid = ski
            ? new asn1js.Primitive({ idBlock: { tagClass: 3, tagNumber: 0 },
                valueHex: await keyId(certificate) })
            : new pkijs.IssuerAndSerialNumber({
                issuer: certificate.issuer, serialNumber: certificate.serialNumber });
        signed.certificates.push(certificate);
        signed.signerInfos.push(new pkijs.SignerInfo({ version: ski ? 3 : 1, sid,
            signedAttrs: await attributes(content, sha(digest)) }));
        await signed.sign(await signingKey(name, sha(digest), pss), index, sha(digest),
            buffer(content));
    }
    return wrap(ID_SIGNED, signed.toSchema(true));
}

async function verify(octets, words) {
    const signed = unwrap(octets, ID_SIGNED, pkijs.SignedData);
    const content = words.content
        ? readFileSync(words.content[0])
        : Buffer.from(signed.encapContentInfo.eContent.getValue());
    if (signed.signerInfos.length !== Number(words.signers[0]))
        throw new Error(`${signed.signerInfos.length} signers`);
    for (const signer of signed.signerInfos.keys())
        if (!await signed.verify({ signer, checkChain: false,
            ...(words.content ? { data: buffer(content) } : {}) }))
            throw new Error("signature not valid");
    return content;
}

/* --- lines */

const VERBS = { seal, open, sign, verify };

async function answer(line) {
    const [verb, from, to, ...rest] = line.split("\t");
    const words = {};
    for (const word of rest) {
        const at = word.indexOf("=");
        (words[word.slice(0, at)] ??= []).push(word.slice(at + 1));
    }
    try {
        if (!VERBS[verb])
            throw new Error("has no class for it");
        writeFileSync(to, await VERBS[verb](readFileSync(from), words));
        return "ok";
    } catch (no) {
        return `no\t${String(no.message || no.name || no).replace(/\s+/g, " ")}`;
    }
}

console.log(`ready\t${require("pkijs/package.json").version}`);
for await (const line of createInterface({ input: process.stdin }))
    console.log(await answer(line));
