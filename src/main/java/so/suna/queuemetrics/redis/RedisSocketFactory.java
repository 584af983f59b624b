package so.suna.queuemetrics.redis;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.SSLSocketFactory;
import redis.clients.jedis.JedisSocketFactory;
import redis.clients.jedis.util.IOUtils;

/**
 * Opens sockets to one Redis. Jedis's own factory makes a TLS context for each connection, so it
 * reads the trust store each time and resumes no session; this one uses one context for all. It
 * tries the next address if one cannot be connected to, but not if TLS fails there.
 *
 * @param tls asked only if the endpoint uses TLS, since it reads the trust store
 */
record RedisSocketFactory(RedisEndpoint endpoint, Resolver resolver, Supplier<SSLSocketFactory> tls)
    implements JedisSocketFactory {

  /** Gives the addresses of a host, in the order in which to try them. */
  @FunctionalInterface
  interface Resolver {
    InetAddress[] addresses(String host) throws UnknownHostException;
  }

  /**
   * @throws RedisException if the host has no address, none of them accepts a connection within
   *     {@link ReadOnlyRedis#CONNECT_TIMEOUT}, or TLS fails
   */
  @Override
  public Socket createSocket() {
    InetAddress[] addresses;
    try {
      addresses = resolver.addresses(endpoint.host());
    } catch (UnknownHostException e) {
      throw new RedisException(endpoint + " has an unknown host name");
    }
    long deadline = System.nanoTime() + ReadOnlyRedis.CONNECT_TIMEOUT.toNanos();
    List<String> failures = new ArrayList<>();
    for (InetAddress address : addresses) {
      // Of the time that is left, each address that is left gets an equal share.
      long share = (deadline - System.nanoTime()) / (addresses.length - failures.size());
      int millis = (int) Math.max(1, Math.ceilDiv(share, 1_000_000));
      var socket = new Socket();
      try {
        socket.setTcpNoDelay(true);
        socket.setSoTimeout((int) ReadOnlyRedis.READ_TIMEOUT.toMillis());
        socket.connect(new InetSocketAddress(address, endpoint.port()), millis);
        return endpoint.tls() ? secured(socket) : socket;
      } catch (IOException e) {
        IOUtils.closeQuietly(socket);
        boolean late = e instanceof SocketTimeoutException;
        failures.add(
            "%s: %s"
                .formatted(
                    address.getHostAddress(),
                    late ? "timed out after %s ms".formatted(millis) : e.getMessage()));
      }
    }
    throw new RedisException(
        "%s could not be reached: %s".formatted(endpoint, String.join(", ", failures)));
  }

  private Socket secured(Socket socket) {
    try {
      var secured =
          (SSLSocket) tls.get().createSocket(socket, endpoint.host(), endpoint.port(), true);
      // Otherwise any certificate of a trusted issuer is accepted, whatever its host name.
      SSLParameters parameters = secured.getSSLParameters();
      parameters.setEndpointIdentificationAlgorithm("HTTPS");
      secured.setSSLParameters(parameters);
      secured.startHandshake();
      return secured;
    } catch (IOException e) {
      IOUtils.closeQuietly(socket);
      throw RedisException.atTls(endpoint, e);
    }
  }
}
