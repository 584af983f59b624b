package so.suna.queuemetrics.kit;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BooleanSupplier;

/**
 * Passes connections on to a local server, and can make those that are open fall silent without
 * closing them, as a network does that forgets a connection.
 */
public final class Relay extends StubServer {

  private final Set<Socket> silent;

  private Relay(int target, Set<Socket> silent) {
    super(client -> relay(client, target, silent));
    this.silent = silent;
  }

  public static Relay to(int port) {
    return new Relay(port, ConcurrentHashMap.newKeySet());
  }

  /**
   * From now on nothing passes on the connections that are open; later ones are as good as ever.
   */
  public void silenceOpenConnections() {
    silent.addAll(open);
  }

  private static void relay(Socket client, int target, Set<Socket> silent) throws IOException {
    try (var server = new Socket(InetAddress.getLoopbackAddress(), target)) {
      BooleanSupplier silenced = () -> silent.contains(client);
      Thread.ofVirtual().start(() -> answer(client, server, silenced));
      pass(client, server, silenced);
    }
  }

  private static void answer(Socket client, Socket server, BooleanSupplier silenced) {
    try (client) {
      pass(server, client, silenced);
    } catch (IOException _) {
      // One side closed; leaving closes the other.
    }
  }

  private static void pass(Socket from, Socket to, BooleanSupplier silenced) throws IOException {
    InputStream in = from.getInputStream();
    byte[] buffer = new byte[8192];
    for (int length = in.read(buffer); length >= 0; length = in.read(buffer)) {
      if (!silenced.getAsBoolean()) {
        to.getOutputStream().write(buffer, 0, length);
      }
    }
  }
}
