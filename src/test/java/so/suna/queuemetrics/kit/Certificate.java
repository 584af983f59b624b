package so.suna.queuemetrics.kit;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/** A key and its self-signed certificate, made for this run and good for a day. */
public record Certificate(Path directory, Path certificateFile, Path keyFile, KeyStore store) {

  private static final String PASSWORD = "changeit";

  /**
   * Made by the JDK's keytool, since Java has no public way to make a certificate.
   *
   * @param names such as {@code dns:localhost}
   */
  public static Certificate of(Path directory, String names) throws Exception {
    Path file = Files.createTempFile(directory, "key", ".p12");
    Files.delete(file);
    keytool(
        "-genkeypair -alias redis -keyalg EC -dname CN=test -validity 1 -keystore %s -storepass %s -ext san=%s"
            .formatted(file, PASSWORD, names));
    var store = KeyStore.getInstance(file.toFile(), PASSWORD.toCharArray());
    return new Certificate(
        directory,
        pem(directory, "CERTIFICATE", store.getCertificate("redis").getEncoded()),
        pem(directory, "PRIVATE KEY", store.getKey("redis", PASSWORD.toCharArray()).getEncoded()),
        store);
  }

  /** Trusts this certificate and no other. */
  public SSLContext context(String protocol) throws GeneralSecurityException, IOException {
    var managers = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    managers.init(trustStore());
    var context = SSLContext.getInstance(protocol);
    context.init(null, managers.getTrustManagers(), null);
    return context;
  }

  /** Holds this certificate and no other. */
  private KeyStore trustStore() throws GeneralSecurityException, IOException {
    var trusted = KeyStore.getInstance("PKCS12");
    trusted.load(null, null);
    trusted.setCertificateEntry("redis", store.getCertificate("redis"));
    return trusted;
  }

  /** The options of a JVM that trusts this certificate and no other. */
  public String trustOptions() throws GeneralSecurityException, IOException {
    return options("trustStore", trustStore());
  }

  /** The options of a JVM that shows this certificate to a server that asks for one. */
  public String keyOptions() throws GeneralSecurityException, IOException {
    return options("keyStore", store);
  }

  private String options(String kind, KeyStore store) throws GeneralSecurityException, IOException {
    Path file = Files.createTempFile(directory, "store", ".p12");
    try (var out = Files.newOutputStream(file)) {
      store.store(out, PASSWORD.toCharArray());
    }
    return " -Djavax.net.ssl.%s=%s -Djavax.net.ssl.%sPassword=%s"
        .formatted(kind, file, kind, PASSWORD);
  }

  private static Path pem(Path directory, String kind, byte[] content) throws IOException {
    String lines = Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(content);
    return Files.writeString(
        Files.createTempFile(directory, "redis", ".pem"),
        "-----BEGIN %s-----%n%s%n-----END %s-----%n".formatted(kind, lines, kind));
  }

  private static void keytool(String arguments) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of(arguments.split(" ")));
    command.addAll(
        0,
        List.of(
            Path.of(System.getProperty("java.home"), "bin", "keytool").toString(),
            "-J-XX:TieredStopAtLevel=1",
            "-J-XX:+UseSerialGC"));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String said;
    try (InputStream out = process.getInputStream()) {
      said = new String(out.readAllBytes(), US_ASCII);
    }
    if (process.waitFor() != 0) {
      throw new IOException("keytool made no key: " + said);
    }
  }
}
