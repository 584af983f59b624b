package so.suna.queuemetrics.kit;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;

/**
 * Accepts no connection and refuses none: its queue is full, so Linux drops what else would
 * connect.
 */
public record FullServer(ServerSocket door, Socket first, Socket second) implements AutoCloseable {

  public static FullServer at(String address, int port) throws IOException {
    // Linux queues one more than the backlog says.
    var door = new ServerSocket(port, 1, InetAddress.getByName(address));
    return new FullServer(
        door,
        new Socket(door.getInetAddress(), door.getLocalPort()),
        new Socket(door.getInetAddress(), door.getLocalPort()));
  }

  public int port() {
    return door.getLocalPort();
  }

  @Override
  public void close() throws IOException {
    first.close();
    second.close();
    door.close();
  }
}
