package so.suna.queuemetrics.kit;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** Accepts connections and treats each as no well-behaved server would. */
public sealed class StubServer implements AutoCloseable permits Relay {

  interface Treatment {
    void of(Socket client) throws IOException, InterruptedException;
  }

  private final ServerSocket door;
  private final Treatment treatment;
  private final AtomicInteger connections = new AtomicInteger();
  final Set<Socket> open = ConcurrentHashMap.newKeySet();

  StubServer(Treatment treatment) {
    try {
      door = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    this.treatment = treatment;
    Thread.ofVirtual().start(this::accept);
  }

  /** Answers whatever it is asked first with this text, then closes the connection. */
  public static StubServer answering(String answer) {
    return new StubServer(
        client -> {
          // Closing before the question is read would reset the connection.
          if (client.getInputStream().read(new byte[65_536]) > 0) {
            client.getOutputStream().write(answer.getBytes(US_ASCII));
          }
        });
  }

  /** Reads and says nothing. */
  public static StubServer silent() {
    return new StubServer(client -> client.getInputStream().readAllBytes());
  }

  /** Answers with the beginning and then a byte five times a second: not silent, and never done. */
  public static StubServer trickling(String beginning) {
    var never = new CountDownLatch(1);
    return new StubServer(
        client -> {
          var out = client.getOutputStream();
          out.write(beginning.getBytes(US_ASCII));
          while (!never.await(200, TimeUnit.MILLISECONDS)) {
            out.write('x');
          }
        });
  }

  /** Resets the connection as soon as it is asked. */
  public static StubServer resetting() {
    return new StubServer(
        client -> {
          client.getInputStream().read();
          client.setSoLinger(true, 0);
        });
  }

  public int port() {
    return door.getLocalPort();
  }

  public URI endpoint() {
    return URI.create("http://127.0.0.1:" + port());
  }

  /** Connections so far. */
  public int connections() {
    return connections.get();
  }

  /** Connections that neither side has closed yet. */
  public int open() {
    return open.size();
  }

  @Override
  public void close() throws IOException {
    door.close();
    for (Socket client : open) {
      client.close();
    }
  }

  private void accept() {
    try {
      while (true) {
        Socket client = door.accept();
        connections.incrementAndGet();
        open.add(client);
        Thread.ofVirtual().start(() -> treat(client));
      }
    } catch (IOException _) {
      // The door is closed, so the test is over.
    }
  }

  private void treat(Socket client) {
    try (client) {
      treatment.of(client);
    } catch (IOException | InterruptedException _) {
      // The other side has closed the connection, or the test is over.
    } finally {
      open.remove(client);
    }
  }
}
