/* BouncyCastle, told line by line what to do: one virtual machine for all.
 *
 * A line: the verb, the file to read, the file to write, then words like
 * to=NAME,RSA,KDF,ski; all between tabs.  The answer: "ok", or "no" and why.
 * The first argument is the folder of keys and certificates. */
import java.io.*;
import java.nio.file.*;
import java.security.*;
import java.security.cert.X509Certificate;
import java.security.spec.MGF1ParameterSpec;
import java.util.*;
import javax.crypto.spec.*;
import org.bouncycastle.asn1.*;
import org.bouncycastle.asn1.cms.CMSObjectIdentifiers;
import org.bouncycastle.asn1.cms.ContentInfo;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.asn1.pkcs.PrivateKeyInfo;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.jcajce.*;
import org.bouncycastle.cms.*;
import org.bouncycastle.cms.jcajce.*;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.openssl.PEMParser;
import org.bouncycastle.openssl.jcajce.JcaPEMKeyConverter;
import org.bouncycastle.operator.*;
import org.bouncycastle.operator.jcajce.*;
import org.bouncycastle.util.Store;
import org.bouncycastle.util.encoders.Hex;

public class BouncyCastlePeer {
    static final String BC = "BC";
    static final Map<String, ASN1ObjectIdentifier> CIPHERS = Map.of(
        "aes-192-gcm", CMSAlgorithm.AES192_GCM,
        "aes-128-cbc", CMSAlgorithm.AES128_CBC, "aes-192-cbc", CMSAlgorithm.AES192_CBC,
        "aes-256-cbc", CMSAlgorithm.AES256_CBC, "des-ede3-cbc", CMSAlgorithm.DES_EDE3_CBC,
        "aes-128-gcm", CMSAlgorithm.AES128_GCM, "aes-256-gcm", CMSAlgorithm.AES256_GCM,
        "chacha20-poly1305", new ASN1ObjectIdentifier("1.2.840.113549.1.9.16.3.18"));
    static final Map<String, ASN1ObjectIdentifier> KDFS = Map.of(
        "sha1", CMSAlgorithm.ECDH_SHA1KDF, "sha256", CMSAlgorithm.ECDH_SHA256KDF,
        "sha384", CMSAlgorithm.ECDH_SHA384KDF, "sha512", CMSAlgorithm.ECDH_SHA512KDF);
    /* RFC 8418: dhSinglePass-stdDH-hkdf-sha256-scheme */
    static final ASN1ObjectIdentifier X25519_SCHEME =
        new ASN1ObjectIdentifier("1.2.840.113549.1.9.16.3.19");
    static final ASN1ObjectIdentifier X448_SCHEME =
        new ASN1ObjectIdentifier("1.2.840.113549.1.9.16.3.21");

    static Path keys;

    record Words(Map<String, List<String>> all) {
        List<String[]> every(String key) {
            return all.getOrDefault(key, List.of()).stream().map(w -> w.split(",", -1)).toList();
        }

        String one(String key) {
            List<String> found = all.get(key);
            return found == null ? null : found.get(0);
        }
    }

    public static void main(String[] args) throws Exception {
        Security.addProvider(new BouncyCastleProvider());
        keys = Path.of(args[0]);
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        System.out.println("ready\t" + Security.getProvider(BC).getVersionStr());
        for (String line = lines.readLine(); line != null; line = lines.readLine())
            System.out.println(answer(line.split("\t")));
    }

    static String answer(String[] line) {
        Map<String, List<String>> words = new HashMap<>();
        for (int i = 3; i < line.length; i++) {
            int at = line[i].indexOf('=');
            words.computeIfAbsent(line[i].substring(0, at), k -> new ArrayList<>())
                .add(line[i].substring(at + 1));
        }
        try {
            byte[] in = Files.readAllBytes(Path.of(line[1]));
            Files.write(Path.of(line[2]), act(line[0], in, new Words(words)));
            return "ok";
        } catch (Throwable no) {
            return "no\t" + why(no);
        }
    }

    /* The outermost message; where it has none, what it is and what caused it. */
    static String why(Throwable no) {
        StringBuilder text = new StringBuilder();
        for (Throwable t = no; t != null && text.length() < 200; t = t.getCause()) {
            String message = t.getMessage() == null ? t.getClass().getSimpleName() : t.getMessage();
            if (text.indexOf(message) < 0)
                text.append(text.length() > 0 ? ": " : "").append(message);
        }
        return text.toString().replaceAll("\\s+", " ");
    }

    static byte[] act(String verb, byte[] in, Words words) throws Exception {
        return switch (verb) {
            case "seal" -> seal(in, words);
            case "open" -> open(in, words);
            case "sign" -> sign(in, words);
            case "verify" -> verify(in, words);
            case "compress" -> new CMSCompressedDataGenerator()
                .generate(new CMSProcessableByteArray(in), new ZlibCompressor()).getEncoded();
            case "expand" -> new CMSCompressedData(in).getContent(new ZlibExpanderProvider());
            default -> throw new IOException("verb " + verb);
        };
    }

    /* --- keys */

    static X509Certificate cert(String name) throws Exception {
        try (PEMParser pem = new PEMParser(Files.newBufferedReader(keys.resolve(name + ".cert")))) {
            return new JcaX509CertificateConverter().setProvider(BC)
                .getCertificate((X509CertificateHolder) pem.readObject());
        }
    }

    static PrivateKey key(String name) throws Exception {
        try (PEMParser pem = new PEMParser(Files.newBufferedReader(keys.resolve(name + ".key")))) {
            return new JcaPEMKeyConverter().setProvider(BC)
                .getPrivateKey((PrivateKeyInfo) pem.readObject());
        }
    }

    static byte[] keyId(X509Certificate cert) throws Exception {
        return new JcaX509ExtensionUtils().createSubjectKeyIdentifier(cert.getPublicKey())
            .getKeyIdentifier();
    }

    /* --- seal */

    static byte[] seal(byte[] in, Words words) throws Exception {
        String cipher = words.one("cipher");
        ASN1ObjectIdentifier oid = cipher == null ? CMSAlgorithm.AES256_CBC : CIPHERS.get(cipher);
        boolean aead = cipher != null && (cipher.endsWith("gcm") || cipher.startsWith("chacha"));
        CMSEnvelopedGenerator to =
            aead ? new CMSAuthEnvelopedDataGenerator() : new CMSEnvelopedDataGenerator();
        OutputEncryptor encryptor =
            new JceCMSContentEncryptorBuilder(oid).setProvider(BC).build();
        for (String[] each : words.every("to"))
            to.addRecipientInfoGenerator(recipient(each));
        if (words.one("kek") != null)
            to.addRecipientInfoGenerator(new JceKEKRecipientInfoGenerator(
                Hex.decode(words.one("kekid")),
                new SecretKeySpec(Hex.decode(words.one("kek")), "AES")).setProvider(BC));
        if (words.one("password") != null)
            to.addRecipientInfoGenerator(new JcePasswordRecipientInfoGenerator(
                CMSAlgorithm.AES256_CBC, words.one("password").toCharArray()).setProvider(BC));
        CMSProcessableByteArray content = new CMSProcessableByteArray(in);
        if (aead && !(encryptor instanceof OutputAEADEncryptor))
            throw new CMSException("has no AEAD encryptor for " + cipher);
        if (aead)
            return ((CMSAuthEnvelopedDataGenerator) to)
                .generate(content, (OutputAEADEncryptor) encryptor).getEncoded();
        return ((CMSEnvelopedDataGenerator) to).generate(content, encryptor).getEncoded();
    }

    /* NAME, RSA, KDF, ski */
    static RecipientInfoGenerator recipient(String[] word) throws Exception {
        X509Certificate cert = cert(word[0]);
        boolean byKeyId = word[3].equals("ski");
        if (word[0].startsWith("p") || word[0].startsWith("x"))
            return agree(word, cert, byKeyId);
        if (word[1].isEmpty())
            return byKeyId
                ? new JceKeyTransRecipientInfoGenerator(keyId(cert), cert.getPublicKey())
                    .setProvider(BC)
                : new JceKeyTransRecipientInfoGenerator(cert).setProvider(BC);
        return new JceKeyTransRecipientInfoGenerator(cert, oaep(word[1])).setProvider(BC);
    }

    static AlgorithmIdentifier oaep(String word) throws Exception {
        String digest = word.replace("oaep-sha", "SHA-");
        return new JcaAlgorithmParametersConverter().getAlgorithmIdentifier(
            PKCSObjectIdentifiers.id_RSAES_OAEP,
            new OAEPParameterSpec(digest, "MGF1", new MGF1ParameterSpec(digest),
                PSource.PSpecified.DEFAULT));
    }

    static RecipientInfoGenerator agree(String[] word, X509Certificate cert, boolean byKeyId)
            throws Exception {
        KeyPairGenerator maker =
            KeyPairGenerator.getInstance(cert.getPublicKey().getAlgorithm(), BC);
        if (cert.getPublicKey() instanceof java.security.interfaces.ECPublicKey ec)
            maker.initialize(ec.getParams());
        KeyPair ours = maker.generateKeyPair();
        ASN1ObjectIdentifier kdf = word[0].equals("x25519") ? X25519_SCHEME
            : word[0].equals("x448") ? X448_SCHEME
            : KDFS.get(word[2].isEmpty() ? "sha256" : word[2]);
        JceKeyAgreeRecipientInfoGenerator to = new JceKeyAgreeRecipientInfoGenerator(
            kdf, ours.getPrivate(), ours.getPublic(), CMSAlgorithm.AES256_WRAP);
        if (byKeyId)
            to.addRecipient(keyId(cert), cert.getPublicKey());
        else
            to.addRecipient(cert);
        return to.setProvider(BC);
    }

    /* --- open */

    static byte[] open(byte[] in, Words words) throws Exception {
        ContentInfoKind kind = ContentInfoKind.of(in);
        RecipientInformationStore all = kind == ContentInfoKind.AUTHENTICATED
            ? new CMSAuthEnvelopedData(in).getRecipientInfos()
            : new CMSEnvelopedData(in).getRecipientInfos();
        boolean aead = kind == ContentInfoKind.AUTHENTICATED;
        for (RecipientInformation each : all)
            if (fits(each, words))
                return each.getContent(reader(each, words, aead));
        throw new CMSException("no recipient matches");
    }

    enum ContentInfoKind {
        ENVELOPED, AUTHENTICATED;

        static ContentInfoKind of(byte[] in) throws Exception {
            ContentInfo info = ContentInfo.getInstance(ASN1Primitive.fromByteArray(in));
            return info.getContentType().equals(CMSObjectIdentifiers.authEnvelopedData)
                ? AUTHENTICATED : ENVELOPED;
        }
    }

    static boolean fits(RecipientInformation info, Words words) throws Exception {
        if (words.one("kek") != null)
            return info.getRID().getType() == RecipientId.kek;
        if (words.one("password") != null)
            return info.getRID().getType() == RecipientId.password;
        X509CertificateHolder holder =
            new JcaX509CertificateHolder(cert(words.every("to").get(0)[0]));
        return info.getRID().match(holder);
    }

    static Recipient reader(RecipientInformation info, Words words, boolean aead)
            throws Exception {
        if (words.one("kek") != null)
            return new JceKEKEnvelopedRecipient(
                new SecretKeySpec(Hex.decode(words.one("kek")), "AES")).setProvider(BC);
        if (words.one("password") != null)
            return new JcePasswordEnvelopedRecipient(words.one("password").toCharArray())
                .setProvider(BC);
        PrivateKey key = key(words.every("to").get(0)[0]);
        if (info instanceof KeyAgreeRecipientInformation)
            return aead ? new AgreeAuthenticated(key)
                : new JceKeyAgreeEnvelopedRecipient(key).setProvider(BC);
        return aead ? new JceKeyTransAuthEnvelopedRecipient(key).setProvider(BC)
            : new JceKeyTransEnvelopedRecipient(key).setProvider(BC);
    }

    /* This version has no class for key agreement and AuthEnvelopedData: here
     * its class for the one gets the key, its class for the other uses it. */
    static class AgreeAuthenticated extends JceKeyAgreeRecipient {
        AgreeAuthenticated(PrivateKey key) {
            super(key);
            setProvider(BC);
        }

        @Override
        public RecipientOperator getRecipientOperator(AlgorithmIdentifier wrap,
                AlgorithmIdentifier content, SubjectPublicKeyInfo from,
                ASN1OctetString ukm, byte[] wrapped) throws CMSException {
            Key key = extractSecretKey(wrap, content, from, ukm, wrapped);
            JceKeyTransAuthEnvelopedRecipient reader = new JceKeyTransAuthEnvelopedRecipient(null) {
                @Override
                protected Key extractSecretKey(
                        AlgorithmIdentifier w, AlgorithmIdentifier c, byte[] b) {
                    return key;
                }
            };
            reader.setProvider(BC);
            return reader.getRecipientOperator(wrap, content, wrapped);
        }
    }

    /* --- sign */

    static byte[] sign(byte[] in, Words words) throws Exception {
        CMSSignedDataGenerator out = new CMSSignedDataGenerator();
        DigestCalculatorProvider digests =
            new JcaDigestCalculatorProviderBuilder().setProvider(BC).build();
        for (String[] each : words.every("signer")) {
            JcaSignerInfoGeneratorBuilder by = new JcaSignerInfoGeneratorBuilder(digests);
            ContentSigner how = new JcaContentSignerBuilder(scheme(each)).setProvider(BC)
                .build(key(each[0]));
            X509Certificate cert = cert(each[0]);
            out.addSignerInfoGenerator(each[3].equals("ski")
                ? by.build(how, keyId(cert)) : by.build(how, cert));
            out.addCertificate(new JcaX509CertificateHolder(cert));
        }
        return out.generate(new CMSProcessableByteArray(in), words.one("detached") == null)
            .getEncoded();
    }

    /* NAME, DIGEST, pss, ski */
    static String scheme(String[] word) {
        if (word[0].equals("ed25519"))
            return "Ed25519";
        if (word[0].equals("ed448"))
            return "Ed448";
        String kind = !word[0].equals("rsa") ? "ECDSA" : word[2].isEmpty() ? "RSA" : "RSAANDMGF1";
        return word[1].toUpperCase() + "with" + kind;
    }

    static byte[] verify(byte[] in, Words words) throws Exception {
        String detached = words.one("content");
        CMSSignedData signed = detached == null ? new CMSSignedData(in) : new CMSSignedData(
            new CMSProcessableByteArray(Files.readAllBytes(Path.of(detached))), in);
        int wanted = Integer.parseInt(words.one("signers")), valid = 0;
        Store<X509CertificateHolder> certs = signed.getCertificates();
        for (SignerInformation signer : signed.getSignerInfos()) {
            @SuppressWarnings("unchecked")
            Collection<X509CertificateHolder> named = certs.getMatches(signer.getSID());
            X509CertificateHolder cert = named.iterator().next();
            if (!signer.verify(
                    new JcaSimpleSignerInfoVerifierBuilder().setProvider(BC).build(cert)))
                throw new CMSException("signature not valid");
            valid++;
        }
        if (valid != wanted)
            throw new CMSException(valid + " signers");
        return (byte[]) signed.getSignedContent().getContent();
    }
}
