/* What BouncyCastle needs for the same letter, with Java's own ciphers.
 *
 *     java BouncyCastle seal|open gcm|cbc KEYS FILE [SECONDS]
 *
 * Writes what comes out to standard output.  With SECONDS it is done over and
 * over in this process for so long, and the best time in nanoseconds is what
 * is written: how fast it is when it is warm.
 */
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.Security;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Arrays;
import java.util.Base64;

import org.bouncycastle.asn1.cms.CMSObjectIdentifiers;
import org.bouncycastle.cert.jcajce.JcaX509CertificateHolder;
import org.bouncycastle.cms.CMSAlgorithm;
import org.bouncycastle.cms.CMSAuthEnvelopedData;
import org.bouncycastle.cms.CMSAuthEnvelopedDataGenerator;
import org.bouncycastle.cms.CMSEnvelopedDataParser;
import org.bouncycastle.cms.CMSEnvelopedDataStreamGenerator;
import org.bouncycastle.cms.CMSProcessableByteArray;
import org.bouncycastle.cms.CMSSignedData;
import org.bouncycastle.cms.CMSSignedDataStreamGenerator;
import org.bouncycastle.cms.SignerInformation;
import org.bouncycastle.cms.jcajce.JcaSimpleSignerInfoGeneratorBuilder;
import org.bouncycastle.cms.jcajce.JcaSimpleSignerInfoVerifierBuilder;
import org.bouncycastle.cms.jcajce.JceCMSContentEncryptorBuilder;
import org.bouncycastle.cms.jcajce.JceKeyTransAuthEnvelopedRecipient;
import org.bouncycastle.cms.jcajce.JceKeyTransEnvelopedRecipient;
import org.bouncycastle.cms.jcajce.JceKeyTransRecipientInfoGenerator;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.operator.OutputAEADEncryptor;

public final class BouncyCastle {
    private static final String BOUNDARY = "boundary-of-the-signed-letter";
    private static final byte[] LINE_END = {'\r', '\n'};

    private final boolean gcm;
    private final X509Certificate alice, bob;
    private final PrivateKey aliceKey, bobKey;

    private BouncyCastle(String cipher, Path keys) throws Exception {
        gcm = cipher.equals("gcm");
        if (gcm) /* which Java does not know by its object identifier */
            Security.addProvider(new BouncyCastleProvider());
        alice = cert(keys.resolve("alice.crt"));
        bob = cert(keys.resolve("bob.crt"));
        aliceKey = key(keys.resolve("alice.key"));
        bobKey = key(keys.resolve("bob.key"));
    }

    private static X509Certificate cert(Path path) throws Exception {
        try (InputStream in = Files.newInputStream(path)) {
            return (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(in);
        }
    }

    private static PrivateKey key(Path path) throws Exception {
        String pem = Files.readString(path).replaceAll("-----[A-Z ]+-----", "");
        byte[] der = Base64.getMimeDecoder().decode(pem);
        return KeyFactory.getInstance("RSA").generatePrivate(new PKCS8EncodedKeySpec(der));
    }

    private static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }

    /* --- sealing; version 1.72 has no streams for AuthEnvelopedData */

    private static JceKeyTransRecipientInfoGenerator to(X509Certificate reader) throws Exception {
        return new JceKeyTransRecipientInfoGenerator(reader);
    }

    private void sealCbc(InputStream letter, OutputStream der) throws Exception {
        CMSEnvelopedDataStreamGenerator generator = new CMSEnvelopedDataStreamGenerator();
        generator.addRecipientInfoGenerator(to(bob));
        try (OutputStream sealing = generator.open(
                 der, new JceCMSContentEncryptorBuilder(CMSAlgorithm.AES256_CBC).build())) {
            sign(letter, sealing);
        }
    }

    private void sealGcm(InputStream letter, OutputStream der) throws Exception {
        CMSAuthEnvelopedDataGenerator generator = new CMSAuthEnvelopedDataGenerator();
        generator.addRecipientInfoGenerator(to(bob));
        ByteArrayOutputStream clear = new ByteArrayOutputStream();
        sign(letter, clear);
        der.write(generator.generate(new CMSProcessableByteArray(clear.toByteArray()),
            (OutputAEADEncryptor) new JceCMSContentEncryptorBuilder(CMSAlgorithm.AES256_GCM)
                .build()).getEncoded());
    }

    private void sign(InputStream letter, OutputStream to) throws Exception {
        CMSSignedDataStreamGenerator generator = new CMSSignedDataStreamGenerator();
        generator.addSignerInfoGenerator(
            new JcaSimpleSignerInfoGeneratorBuilder().build("SHA256withRSA", aliceKey, alice));
        generator.addCertificate(new JcaX509CertificateHolder(alice));
        ByteArrayOutputStream signature = new ByteArrayOutputStream();
        to.write(ascii("Content-Type: multipart/signed; micalg=\"sha-256\";\r\n"
            + " protocol=\"application/pkcs7-signature\";\r\n boundary=\"" + BOUNDARY + "\"\r\n\r\n--"
            + BOUNDARY + "\r\n"));
        try (OutputStream signing =
                 generator.open(CMSObjectIdentifiers.data, signature, false, new Unclosed(to))) {
            byte[] piece = new byte[65536];
            for (int len; (len = letter.read(piece)) > 0;)
                signing.write(piece, 0, len);
        }
        to.write(ascii("\r\n--" + BOUNDARY + "\r\nContent-Type: application/pkcs7-signature;"
            + " name=smime.p7s\r\nContent-Transfer-Encoding: base64\r\n\r\n"));
        to.write(Base64.getMimeEncoder(76, LINE_END).encode(signature.toByteArray()));
        to.write(ascii("\r\n--" + BOUNDARY + "--\r\n"));
    }

    private void seal(Path letter, OutputStream out) throws Exception {
        out.write(ascii("Content-Type: application/pkcs7-mime; smime-type="
            + (gcm ? "authEnveloped-data" : "enveloped-data")
            + "; name=smime.p7m\r\nContent-Transfer-Encoding: base64\r\n\r\n"));
        OutputStream base64 = Base64.getMimeEncoder(76, LINE_END).wrap(new Unclosed(out));
        OutputStream buffered = new BufferedOutputStream(base64, 65536);
        try (InputStream in = Files.newInputStream(letter)) {
            if (gcm)
                sealGcm(in, buffered);
            else
                sealCbc(in, buffered);
        }
        buffered.flush();
        base64.close();
        out.write(LINE_END);
        out.flush();
    }

    /* --- opening: nothing comes out before all of it was checked */

    private byte[] decrypt(InputStream text) throws Exception {
        for (int last = 0, one; (one = text.read()) >= 0;) {
            if (one == '\n' && last == '\n')
                break; /* the empty line */
            if (one != '\r')
                last = one;
        }
        InputStream der = new BufferedInputStream(Base64.getMimeDecoder().wrap(text), 65536);
        if (gcm)
            return new CMSAuthEnvelopedData(der).getRecipientInfos().iterator().next()
                .getContent(new JceKeyTransAuthEnvelopedRecipient(bobKey));
        return new CMSEnvelopedDataParser(der).getRecipientInfos().iterator().next()
            .getContentStream(new JceKeyTransEnvelopedRecipient(bobKey))
            .getContentStream().readAllBytes();
    }

    private static int find(byte[] all, String wanted, int from) {
        byte[] what = ascii(wanted);
        for (int at = from; at <= all.length - what.length; at++) {
            if (all[at] == what[0]
                && Arrays.equals(all, at, at + what.length, what, 0, what.length))
                return at;
        }
        throw new IllegalArgumentException("no " + wanted);
    }

    private static int behindEmptyLine(byte[] all, int from) {
        for (;;) {
            int end = find(all, "\n", from);
            boolean empty = end == from || end == from + 1 && all[from] == '\r';
            from = end + 1;
            if (empty)
                return from;
        }
    }

    private void open(Path sealed, OutputStream out) throws Exception {
        byte[] clear;
        try (InputStream in = new BufferedInputStream(Files.newInputStream(sealed), 65536)) {
            clear = decrypt(in);
        }
        String head = new String(clear, 0, 1000, StandardCharsets.US_ASCII);
        String boundary = head.replaceAll("(?s).*?boundary=\"([^\"]*)\".*", "$1");
        int start = find(clear, "\n--" + boundary, 0);
        start = find(clear, "\n", start + 1) + 1;
        int end = find(clear, "\n--" + boundary, start);
        int signature = behindEmptyLine(clear, end + 1);
        int behind = find(clear, "--" + boundary, signature);
        if (clear[end - 1] == '\r')
            end--;
        byte[] content = Arrays.copyOfRange(clear, start, end);
        byte[] der = Base64.getMimeDecoder().decode(
            Arrays.copyOfRange(clear, signature, behind));
        CMSSignedData signed = new CMSSignedData(new CMSProcessableByteArray(content), der);
        for (SignerInformation signer : signed.getSignerInfos()) {
            if (!signer.verify(new JcaSimpleSignerInfoVerifierBuilder().build(alice)))
                throw new IllegalStateException("not signed as it was sent");
        }
        out.write(content);
        out.flush();
    }

    /* --- */

    private static final class Unclosed extends FilterOutputStream {
        Unclosed(OutputStream to) {
            super(to);
        }

        @Override
        public void write(byte[] some, int from, int len) throws IOException {
            out.write(some, from, len);
        }

        @Override
        public void close() throws IOException {
            flush();
        }
    }

    private void once(String direction, Path file, OutputStream out) throws Exception {
        if (direction.equals("seal"))
            seal(file, out);
        else
            open(file, out);
    }

    public static void main(String[] args) throws Exception {
        BouncyCastle peer = new BouncyCastle(args[1], Path.of(args[2]));
        Path file = Path.of(args[3]);
        if (args.length <= 4) {
            peer.once(args[0], file,
                new BufferedOutputStream(new FileOutputStream(FileDescriptor.out), 65536));
            return;
        }
        long best = Long.MAX_VALUE, begin = System.nanoTime(), now = begin;
        while (now - begin < Long.parseLong(args[4]) * 1_000_000_000) {
            peer.once(args[0], file, OutputStream.nullOutputStream());
            long after = System.nanoTime();
            best = Math.min(best, after - now);
            now = after;
        }
        System.out.println(best);
    }
}
