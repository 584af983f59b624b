package so.suna.queuemetrics.aws;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSessionContext;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import so.suna.queuemetrics.local.RedisServer;
import so.suna.queuemetrics.redis.Certificate;

/** The sessions that the JDK keeps of connections to a real server. */
class TlsIT {

  private static void connect(SSLContext tls, int port) throws IOException {
    try (var socket = (SSLSocket) tls.getSocketFactory().createSocket("localhost", port)) {
      socket.getOutputStream().write("PING\r\n".getBytes(US_ASCII));
      // The server's tickets come before the answer.
      assertThat(socket.getInputStream().readNBytes(7)).isEqualTo("+PONG\r\n".getBytes(US_ASCII));
    }
  }

  private static List<byte[]> kept(SSLSessionContext sessions) {
    return Collections.list(sessions.getIds());
  }

  @Test
  void sessionsAreKeptUntilTheyAreForgotten(@TempDir Path directory) throws Exception {
    var certificate = Certificate.of(directory, "dns:localhost");
    int port = RedisServer.freePort();
    SSLContext tls = certificate.context();
    SSLSessionContext sessions = tls.getClientSessionContext();
    try (var _ =
        RedisServer.startWithTls(port, certificate.certificateFile(), certificate.keyFile())) {
      for (int connections = 0; connections < 3; connections++) {
        connect(tls, port);
      }
      assertThat(kept(sessions)).isNotEmpty();

      Tls.forget(sessions);

      assertThat(kept(sessions)).isEmpty();
      connect(tls, port);
      assertThat(kept(sessions)).isNotEmpty();
    }
  }
}
