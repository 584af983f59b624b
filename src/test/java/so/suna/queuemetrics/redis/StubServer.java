package so.suna.queuemetrics.redis;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.concurrent.atomic.AtomicInteger;

/** Answers whatever it is asked first with the same text, then closes the connection. */
final class StubServer implements AutoCloseable {

  private final ServerSocket door;
  private final String answer;
  private final AtomicInteger asked = new AtomicInteger();

  private StubServer(ServerSocket door, String answer) {
    this.door = door;
    this.answer = answer;
    Thread.ofVirtual().start(this::serve);
  }

  static StubServer answering(String answer) {
    try {
      return new StubServer(new ServerSocket(0, 50, InetAddress.getLoopbackAddress()), answer);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  int port() {
    return door.getLocalPort();
  }

  /** Questions so far, one a connection. */
  int asked() {
    return asked.get();
  }

  @Override
  public void close() throws IOException {
    door.close();
  }

  private void serve() {
    try {
      while (true) {
        try (Socket client = door.accept()) {
          // Closing before the question is read would reset the connection.
          if (client.getInputStream().read(new byte[65_536]) > 0) {
            asked.incrementAndGet();
            client.getOutputStream().write(answer.getBytes(US_ASCII));
          }
        }
      }
    } catch (IOException _) {
      // The door is closed, so the test is over.
    }
  }
}
