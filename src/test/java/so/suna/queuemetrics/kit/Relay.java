package so.suna.queuemetrics.kit;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * Passes connections on to a local server, and can make those that are open fall silent without
 * closing them, as a network does that forgets a connection.
 */
public final class Relay implements AutoCloseable {

  private final ServerSocket door;
  private final int target;
  private final List<Passage> passages = new CopyOnWriteArrayList<>();

  private Relay(ServerSocket door, int target) {
    this.door = door;
    this.target = target;
    Thread.ofVirtual().start(this::accept);
  }

  public static Relay to(int port) {
    try {
      return new Relay(new ServerSocket(0, 50, InetAddress.getLoopbackAddress()), port);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public int port() {
    return door.getLocalPort();
  }

  /** Connections so far. */
  public int accepted() {
    return passages.size();
  }

  /** Connections that neither side has closed yet. */
  public long open() {
    return passages.stream().filter(passage -> !passage.client.isClosed()).count();
  }

  /**
   * From now on nothing passes on the connections that are open; later ones are as good as ever.
   */
  public void silenceOpenConnections() {
    passages.forEach(passage -> passage.silent = true);
  }

  @Override
  public void close() throws IOException {
    door.close();
    for (Passage passage : passages) {
      passage.close();
    }
  }

  private void accept() {
    try {
      while (true) {
        Socket client = door.accept();
        var passage = new Passage(client, new Socket(InetAddress.getLoopbackAddress(), target));
        passages.add(passage);
        passage.start();
      }
    } catch (IOException _) {
      // The door is closed, so the test is over.
    }
  }

  private static final class Passage {
    private final Socket client;
    private final Socket server;
    private volatile boolean silent;

    Passage(Socket client, Socket server) {
      this.client = client;
      this.server = server;
    }

    void start() {
      Thread.ofVirtual().start(() -> pass(client, server));
      Thread.ofVirtual().start(() -> pass(server, client));
    }

    void close() throws IOException {
      client.close();
      server.close();
    }

    private void pass(Socket from, Socket to) {
      try (from;
          to) {
        InputStream in = from.getInputStream();
        OutputStream out = to.getOutputStream();
        byte[] buffer = new byte[8192];
        for (int length = in.read(buffer); length >= 0; length = in.read(buffer)) {
          if (!silent) {
            out.write(buffer, 0, length);
          }
        }
      } catch (IOException _) {
        // One side closed; leaving closes the other.
      }
    }
  }
}
